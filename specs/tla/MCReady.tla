------------------------------ MODULE MCReady ------------------------------
(* Ready.tla with the values that it is checked with, and with fairness. There are no bounds on messages and kills. *)
EXTENDS Ready

(* Messages of two lengths; of all lengths; of two that differ in each word. *)
TwoLengths == {<<2, 2>>, <<3>>}
AllLengths == {<<2, 2>>, <<3>>, <<>>}
TwoWords == {<<2, 2>>, <<3, 3>>}
OneWord == {<<2>>}

(* Kills end at some time. *)
KillsEnd == <>[][~\E p \in Processes : Kill(p)]_vars

(* Who is dead is started again, and who has begun an operation goes on with it. *)
Continuing == WF_vars(WriterContinues) /\ WF_vars(ReaderContinues)

(* A reader that keeps running: it looks for a message, reads it, and clears it at some time. *)
Receiving == WF_vars(Receive) /\ WF_vars(ReadFirst) /\ SF_vars(Clear)

FairSpec == Spec /\ KillsEnd /\ Continuing
FairReaderSpec == FairSpec /\ Receiving

(* A process that was killed is started again and completes its recovery. *)
ARestartedProcessCompletes == \A p \in Processes : pc[p] = "dead" ~> pc[p] = "idle"

(* Who sleeps although the state has changed is woken. *)
WhoSleepsIsWoken == \A p \in Processes : (pc[p] = "asleep" /\ <<state>> # seen[p]) ~> pc[p] # "asleep"

(* A message that was sent is received, if the reader keeps running, and consumed. *)
AMessageIsReceived == state.set ~> taken # <<>>
AMessageIsConsumed == state.set ~> ~state.set
=============================================================================
