---------------------------- MODULE BrokenRegister ----------------------------
(*
Promises that promise too little: each operator here is an action of Register.tla with one condition left out, and a
configuration puts it in that action's place, and has to fail.
*)
EXTENDS MCRegister

\* A write that is begun over another one.
BeginWriteOver ==
    /\ writing' # Nothing
    /\ value' = value /\ phase' = phase /\ got' = got

\* Something takes effect that nobody has written.
TakeEffectOfNothing ==
    /\ value' = writing
    /\ writing' = Nothing
    /\ phase' = phase /\ got' = got

\* A read takes what some reader has rather than what the register is.
TakeAnything(r) ==
    /\ phase[r] \in {"reading", "taken"}
    /\ phase' = [phase EXCEPT ![r] = "taken"]
    /\ \E other \in Readers : got' = [got EXCEPT ![r] = got[other]]
    /\ value' = value /\ writing' = writing

\* A read takes what is only being written.
TakeEarly(r) ==
    /\ phase[r] \in {"reading", "taken"}
    /\ writing # Nothing
    /\ phase' = [phase EXCEPT ![r] = "taken"]
    /\ got' = [got EXCEPT ![r] = writing]
    /\ value' = value /\ writing' = writing

\* A read that loses what it has taken.
GiveUpAnywhere(r) ==
    /\ got[r] # Nothing
    /\ got' = [got EXCEPT ![r] = Nothing]
    /\ value' = value /\ writing' = writing /\ phase' = phase

\* A crash that takes what the reader had.
CrashAndLose(r) ==
    /\ phase[r] = "idle"
    /\ phase' = [phase EXCEPT ![r] = "absent"]
    /\ got' = [got EXCEPT ![r] = Nothing]
    /\ value' = value /\ writing' = writing

\* A reader that is back with nothing.
RecoverWithNothing(r) ==
    /\ phase[r] = "absent"
    /\ phase' = [phase EXCEPT ![r] = "idle"]
    /\ got' = [got EXCEPT ![r] = Nothing]
    /\ value' = value /\ writing' = writing

==============================================================================
