---------------------------- MODULE BrokenBoard ----------------------------
(* Broken variants of single actions of Board.tla: each invariant of the promise is shown to be able to fail. *)
EXTENDS MCBoard

(* A monitor may find any value that was ever set on the word. *)
GetAnything(monitor, word) ==
    \E n \in 0..Len(log) :
        /\ found' = [found EXCEPT ![monitor] = <<word, NewestOn(word, n)>>]
        /\ newest' = [newest EXCEPT ![monitor] = Max(newest[monitor], NewestOn(word, n))]
        /\ log' = log /\ last' = last

(* A monitor may find what was set on another word. *)
GetElsewhere(monitor, word) ==
    \E n \in newest[monitor]..Len(log) :
        /\ found' = [found EXCEPT ![monitor] = <<word, n>>]
        /\ newest' = [newest EXCEPT ![monitor] = Max(newest[monitor], n)]
        /\ log' = log /\ last' = last

(* A monitor may find what was never set. *)
GetBeyond(monitor, word) ==
    /\ found' = [found EXCEPT ![monitor] = <<word, Len(log) + 1>>]
    /\ newest' = newest /\ log' = log /\ last' = last

(* A restarted writer begins anew. *)
BeginAnew ==
    /\ last = <<>>
    /\ last' = <<0>>
    /\ log' = log /\ found' = found /\ newest' = newest
=============================================================================
