------------------------------ MODULE MCRegister ------------------------------
(*
The promise by itself: does it say what people expect of a register? Its values are 1, 2, 3, ... in the order in which
they are written; 0 is Nothing. What a reader may expect is stated here without the register's own variables for it, so
that a promise that has become too weak shows.
*)
EXTENDS Register, Naturals

CONSTANT Writes     \* at most so many writes are begun

VARIABLES
    begun,          \* how many writes have been begun
    floor           \* floor[r]: the register's value when r's last read began

mcvars == <<value, writing, phase, got, begun, floor>>

MCInit == Init /\ begun = 0 /\ floor = [r \in Readers |-> 0]

Begins(r) == phase[r] = "idle" /\ phase'[r] = "reading"

MCNext ==
    /\ \/ /\ begun < Writes
          /\ writing' \in {begun + 1}
          /\ BeginWrite
          /\ begun' = begun + 1
       \/ /\ \/ TakeEffect \/ WriterCrashes
             \/ \E r \in Readers :
                BeginRead(r) \/ Take(r) \/ EndRead(r) \/ GiveUp(r) \/ ReaderCrashes(r) \/ Recover(r)
          /\ begun' = begun
    /\ floor' = [r \in Readers |-> IF Begins(r) THEN value ELSE floor[r]]

MCSpec == MCInit /\ [][MCNext]_mcvars

\* Nothing is read that was not written.
NothingElseIsRead == value <= begun /\ \A r \in Readers : got[r] <= value

\* A read that has ended gave something that is not older than what the register was when it began.
ReadsAreNotOld == \A r \in Readers : phase[r] = "taken" => got[r] >= floor[r]

\* The register does not go back, and never becomes Nothing again.
TheValueOnlyGrows == [][value' >= value]_mcvars

\* A write that has begun takes effect as it is, or never.
AWriteIsNotReplaced == [][writing # 0 /\ writing' # 0 => writing' = writing]_mcvars

\* What a reader has when it does not read, it has until it gives it up: it does not lose it by a crash, nor by coming back.
WhatIsHeldIsKept ==
    [][\A r \in Readers :
        phase[r] \in {"idle", "absent"} /\ phase'[r] # phase[r] => got'[r] = got[r]]_mcvars

\* And what it has read is what it has then.
WhatIsTakenIsHad ==
    [][\A r \in Readers : phase[r] = "taken" /\ phase'[r] = "idle" => got'[r] = got[r] /\ got[r] >= floor[r]]_mcvars

==============================================================================
