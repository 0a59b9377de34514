----------------------------- MODULE BrokenSlots -----------------------------
(*
Ways to get `slots` wrong. Each operator here is an action of Slots.tla with one mistake in it; a configuration puts it
in that action's place (`CONSTANT Scan <- ScanWithoutHelp`), and has to fail: a check that cannot fail is none.
*)
EXTENDS MCSlots

\* An acquire that does not look at `latest` again after Tentative. Its slot may have been rewritten before that.
RecheckNothing(c) ==
    /\ pc[c] = "recheck"
    /\ Go(c, "hold")
    /\ UNCHANGED <<shared, producing, consuming>>

\* An acquire that begins again where there is a newer message: without bound, if the producer is fast.
RecheckAndRetry(c) ==
    /\ pc[c] = "recheck"
    /\ IF latest = at[c]
       THEN Go(c, "hold")
       ELSE /\ pc' = [pc EXCEPT ![c] = "announce"]
            /\ steps' = [steps EXCEPT ![c] = @ + 1]
    /\ at' = [at EXCEPT ![c] = latest]
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait, floor>>

\* A producer that passes over a Claim. Whoever claims, and is slow, takes a message whose slot has been written again.
ScanWithoutHelp(c) ==
    /\ pc[Producer] = "scan"
    /\ c \in NextOf(Consumers \ scanned)
    /\ Scanned(c, IF Names(lock[c]) THEN lock[c].slot ELSE NoSlot)
    /\ UNCHANGED <<shared, newest, previous, loan, before, draft, consuming>>

\* A producer that spares Held slots only. A consumer may be about to make its Tentative one Held.
ScanWithoutTentative(c) ==
    /\ pc[Producer] = "scan"
    /\ c \in NextOf(Consumers \ scanned)
    /\ IF lock[c] = Claimed /\ newest.seq # 0
       THEN /\ helping' = {c}
            /\ Go(Producer, "help")
            /\ UNCHANGED <<seen, scanned>>
       ELSE Scanned(c, IF lock[c].tag = "held" THEN lock[c].slot ELSE NoSlot)
    /\ UNCHANGED <<shared, newest, previous, loan, before, draft, consuming>>

\* A producer whose help failed, and that goes on without looking what the consumer has settled on.
HelpWithoutRescan(c) ==
    /\ pc[Producer] = "help"
    /\ c \in helping
    /\ IF lock[c] = Claimed
       THEN /\ lock' = [lock EXCEPT ![c] = Held(newest)]
            /\ Scanned(c, newest.slot)
       ELSE /\ Scanned(c, NoSlot)
            /\ UNCHANGED lock
    /\ UNCHANGED <<latest, slot, wait, newest, previous, loan, before, draft, consuming>>

\* A producer that helps with a store rather than a compare-exchange: over what the consumer has settled on.
HelpByStore(c) ==
    /\ pc[Producer] = "help"
    /\ c \in helping
    /\ lock' = [lock EXCEPT ![c] = Held(newest)]
    /\ Scanned(c, newest.slot)
    /\ UNCHANGED <<latest, slot, wait, newest, previous, loan, before, draft, consuming>>

\* A consumer that takes the message it has seen although the producer has given it another one.
SettleRegardless(c) ==
    /\ pc[c] = "settle"
    /\ IF lock[c] = Claimed
       THEN lock' = [lock EXCEPT ![c] = Held(at[c])]
       ELSE UNCHANGED lock
    /\ Go(c, "verify")
    /\ UNCHANGED <<latest, slot, wait, producing, at, read, attempts, beforeWait, floor>>

\* An acquire that gives what it had, if it has something: it never sees a newer message.
ObserveWhatIsHeld(c) ==
    /\ pc[c] \in Resting
    /\ IF latest.seq = 0
       THEN Go(c, "idle") /\ UNCHANGED <<at, floor>>
       ELSE /\ at' = [at EXCEPT ![c] = IF pc[c] = "holding" THEN at[c] ELSE latest]
            /\ floor' = [floor EXCEPT ![c] = latest.seq]
            /\ Go(c, IF pc[c] = "holding" THEN "verify" ELSE "announce")
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait>>

\* A successor that takes a Tentative message for a Held one.
RecoverFromTentative(c) ==
    /\ pc[c] = "dead"
    /\ IF Names(lock[c])
       THEN at' = [at EXCEPT ![c] = StampOf(lock[c])] /\ Go(c, "verify")
       ELSE UNCHANGED at /\ Go(c, IF lock[c] = Free THEN "idle" ELSE "abandon")
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait, floor>>

\* A successor that begins with a free lock whatever its predecessor held.
RecoverAndForget(c) ==
    /\ pc[c] = "dead"
    /\ UNCHANGED at
    /\ Go(c, IF lock[c] = Free THEN "idle" ELSE "abandon")
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait, floor>>

\* A consumer that releases while it is still reading.
ReleaseBeforeReading(c) ==
    /\ pc[c] \in {"holding", "read_second"}
    /\ lock' = [lock EXCEPT ![c] = Free]
    /\ IF pc[c] = "holding"
       THEN /\ at' = [at EXCEPT ![c] = NoStamp]
            /\ floor' = [floor EXCEPT ![c] = 0]
            /\ Go(c, "idle")
       ELSE UNCHANGED <<at, floor, pc, steps>>
    /\ UNCHANGED <<latest, slot, wait, producing, read, attempts, beforeWait>>

\* A restarted producer that begins anew.
ResumeFromNothing ==
    /\ pc[Producer] = "dead"
    /\ newest' = NoStamp
    /\ Go(Producer, IF Sleeping = {} THEN "idle" ELSE "resume_wake")
    /\ UNCHANGED <<shared, previous, scanned, seen, helping, loan, before, draft, consuming>>

\* A message that is published before the second half of it is written.
FillSecondLater ==
    /\ pc[Producer] = "fill_second"
    /\ Go(Producer, "measure")
    /\ UNCHANGED <<shared, producing, consuming>>

\* A message that is published without its length.
MeasureLater ==
    /\ pc[Producer] = "measure"
    /\ Go(Producer, "seal")
    /\ UNCHANGED <<shared, producing, consuming>>

\* A slot whose number stays while it is rewritten: an observer takes half of each for the message.
RetireWithoutClearing ==
    /\ pc[Producer] = "retire"
    /\ \E s \in Choices : loan' = s /\ before' = slot[s]
    /\ Go(Producer, "retire_fence")
    /\ seen' = [c \in Consumers |-> NoSlot]
    /\ scanned' = {}
    /\ UNCHANGED <<shared, newest, previous, helping, draft, consuming>>

\* No order between the 0 and the payload: a kill may leave the payload and undo the 0.
RetireFenceOfNothing ==
    /\ pc[Producer] = "retire_fence"
    /\ Go(Producer, "fill_first")
    /\ UNCHANGED <<shared, producing, consuming>>

\* An observer that does not look whether the slot still has its message.
PeekVerifyNothing(o) ==
    /\ pc[o] = "peek_verify"
    /\ attempts' = [attempts EXCEPT ![o] = 0]
    /\ Go(o, "peeked")
    /\ UNCHANGED <<shared, producing, at, read, beforeWait, floor>>

\* An observer that tries until it succeeds: without bound, if the producer is fast.
PeekVerifyForEver(o) ==
    /\ pc[o] = "peek_verify"
    /\ at' = [at EXCEPT ![o] = NoStamp]
    /\ read' = [read EXCEPT ![o] = Nothing]
    /\ Go(o, IF slot[at[o].slot].seq = at[o].seq THEN "idle" ELSE "peek")
    /\ attempts' = [attempts EXCEPT ![o] = 0]
    /\ UNCHANGED <<shared, producing, beforeWait, floor>>

\* A producer that does not wake anybody.
SleepersNone(c) ==
    /\ pc[Producer] = "sleepers"
    /\ c \in NextOf(Sleeping \ scanned)
    /\ Go(Producer, "idle")
    /\ previous' = NoStamp
    /\ UNCHANGED <<shared, newest, scanned, seen, helping, loan, before, draft, consuming>>

\* A producer that looks at one consumer's wait word only.
SleepersFirst(c) ==
    /\ pc[Producer] = "sleepers"
    /\ c \in NextOf(Sleeping \ scanned)
    /\ Go(Producer, IF wait[c] \in {AsleepOn(previous), AsleepOn(newest)} THEN "wake" ELSE "idle")
    /\ scanned' = {}
    /\ UNCHANGED <<shared, newest, previous, seen, helping, loan, before, draft, consuming>>

\* A successor that does not wake those whom its predecessor was about to wake.
ResumeWithoutWake ==
    /\ pc[Producer] = "dead"
    /\ newest' = latest
    /\ Go(Producer, "idle")
    /\ UNCHANGED <<shared, previous, scanned, seen, helping, loan, before, draft, consuming>>

\* A consumer that goes to sleep without noting it.
DozeWithoutNote(c) ==
    /\ pc[c] = "doze"
    /\ Go(c, "sleep")
    /\ UNCHANGED <<shared, producing, consuming>>

\* A kernel that does not compare.
SleepRegardless(c) ==
    /\ pc[c] = "sleep"
    /\ beforeWait' = [beforeWait EXCEPT ![c] = Never]
    /\ Go(c, "asleep")
    /\ UNCHANGED <<shared, producing, at, read, attempts, floor>>

\* A recovery that waits for the producer to do something first. It may never do that.
AbandonWhenPublished(c) ==
    /\ pc[c] = "abandon"
    /\ pc[Producer] = "publish"
    /\ lock' = [lock EXCEPT ![c] = Free]
    /\ Go(c, "idle")
    /\ UNCHANGED <<latest, slot, wait, producing, consuming>>

\* A consumer that waits for the producer's help.
SettleWhenHelped(c) ==
    /\ pc[c] = "settle"
    /\ lock[c] # Claimed
    /\ at' = [at EXCEPT ![c] = StampOf(lock[c])]
    /\ Go(c, "verify")
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait, floor>>

==============================================================================
