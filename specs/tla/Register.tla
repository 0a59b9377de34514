------------------------------- MODULE Register -------------------------------
(*
What `slots` promises: a register with one writer, of which every reader can keep the value that it has read, and whose
users may crash at any moment.

A write takes effect in one instant between its beginning and its end; if its writer crashes, before the crash or never.
A read gives the value of one instant between its beginning and its end. A reader keeps what it has read until it gives
it up or reads again, and finds it again after a crash. That is all there is to see: nothing torn, nothing out of order,
nothing that was not written.
*)
CONSTANTS
    Readers,
    Nothing         \* the value of a register that has not been written, and of what nobody has

VARIABLES
    value,          \* what the register is
    writing,        \* what is being written and has not taken effect
    phase,          \* phase[r]: "idle"; "reading", "taken" (reading, and the instant has come); "absent", "interrupted"
    got             \* got[r]: what reader r has

vars == <<value, writing, phase, got>>

Init ==
    /\ value = Nothing
    /\ writing = Nothing
    /\ phase = [r \in Readers |-> "absent"]
    /\ got = [r \in Readers |-> Nothing]

\* The writer

BeginWrite ==
    /\ writing = Nothing
    /\ writing' # Nothing
    /\ value' = value /\ phase' = phase /\ got' = got

TakeEffect ==
    /\ writing # Nothing
    /\ value' = writing
    /\ writing' = Nothing
    /\ phase' = phase /\ got' = got

WriterCrashes ==
    /\ writing # Nothing
    /\ writing' = Nothing
    /\ value' = value /\ phase' = phase /\ got' = got

(* A reader. It is absent before it comes, and after a crash. A crash in the middle of a read may leave that read
interrupted: until the reader is back, it may still take its value; then it has that, or nothing. *)

BeginRead(r) ==
    /\ phase[r] = "idle"
    /\ phase' = [phase EXCEPT ![r] = "reading"]
    /\ value' = value /\ writing' = writing /\ got' = got

\* The instant of the read; the last one if there are several.
Take(r) ==
    /\ \/ phase[r] \in {"reading", "taken"} /\ phase' = [phase EXCEPT ![r] = "taken"]
       \/ phase[r] = "interrupted" /\ phase' = phase
       \/ phase[r] = "interrupted" /\ phase' = [phase EXCEPT ![r] = "absent"]
    /\ got' = [got EXCEPT ![r] = value]
    /\ value' = value /\ writing' = writing

EndRead(r) ==
    /\ phase[r] = "taken"
    /\ phase' = [phase EXCEPT ![r] = "idle"]
    /\ value' = value /\ writing' = writing /\ got' = got

\* A reader gives up what it has: because it likes to, or because it reads again.
GiveUp(r) ==
    /\ got[r] # Nothing
    /\ phase[r] \in {"idle", "reading"}
    /\ got' = [got EXCEPT ![r] = Nothing]
    /\ value' = value /\ writing' = writing /\ phase' = phase

\* What a reader has while it does not read stays with it.
ReaderCrashes(r) ==
    \/ /\ phase[r] \in {"idle", "interrupted"}
       /\ phase' = [phase EXCEPT ![r] = "absent"]
       /\ value' = value /\ writing' = writing /\ got' = got
    \/ /\ phase[r] \in {"reading", "taken"}
       /\ \E left \in {"absent", "interrupted"} : phase' = [phase EXCEPT ![r] = left]
       /\ \E kept \in {got[r], Nothing} : got' = [got EXCEPT ![r] = kept]
       /\ value' = value /\ writing' = writing

\* The reader is there, for the first time or again.
Recover(r) ==
    /\ phase' = [phase EXCEPT ![r] = "idle"]
    /\ \/ phase[r] = "absent" /\ got' = got
       \/ phase[r] = "interrupted" /\ \E kept \in {got[r], Nothing} : got' = [got EXCEPT ![r] = kept]
    /\ value' = value /\ writing' = writing

Next ==
    \/ BeginWrite \/ TakeEffect \/ WriterCrashes
    \/ \E r \in Readers :
        BeginRead(r) \/ Take(r) \/ EndRead(r) \/ GiveUp(r) \/ ReaderCrashes(r) \/ Recover(r)

Spec == Init /\ [][Next]_vars

==============================================================================
