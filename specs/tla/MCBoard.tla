------------------------------ MODULE MCBoard ------------------------------
(* Board.tla with a bound on the values that are set. *)
EXTENDS Board

CONSTANT LastValue  \* So many values are set at most.

Bound == Len(log) <= LastValue
=============================================================================
