----------------------------- MODULE MCStatus ------------------------------
(* Status.tla with fairness. Values are bounded, kills are not. *)
EXTENDS Status

(* Kills end at some time. *)
KillsEnd == <>[][~\E p \in Processes : Kill(p)]_vars

(* Who is dead is started again, and who has begun to recover goes on with it; stores reach memory. *)
FairSpec ==
    /\ Spec
    /\ KillsEnd
    /\ \A word \in Words : WF_vars(Restore(word))
    /\ WF_vars(Flush)

(* A writer that was killed is started again and completes its recovery. *)
ARestartedWriterCompletes == pc = "dead" ~> pc = "idle"

(* What was set is found by whoever looks late enough. *)
WhatWasSetIsThere ==
    \A word \in Words, value \in 1..LastValue :
        (Len(log) >= value /\ NewestOn(word, Len(log)) = value) ~> ValueOf(memory[word]) >= value
=============================================================================
