--------------------------- MODULE MCSlotsInductive ---------------------------
(* Inductive on small bounds: a conjecture that is wrong shows here first, and with the run that refutes it. *)
EXTENDS MCSlots, SlotsInductive

\* The three formulas of the pigeonhole, for all functions into few slots.
SmallPigeonholes ==
    \A n \in 0 .. 2 : \A f \in [0 .. n -> 0 .. n + 1] :
        PigeonholeBase(f) /\ PigeonholeStep(f, n) /\ Spared(f, n) /\ Spared(f, n + 1)

ASSUME SmallPigeonholes

==============================================================================
