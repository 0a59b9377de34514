-------------------------------- MODULE Slots --------------------------------
(*
`slots`: one producer, C consumers, C+2 slots. The producer publishes messages; each consumer locks the most recent one
in place, for as long as it likes. Nobody waits for anybody, and everybody may be killed at any moment and be started
again. The promise is Register.tla: for everybody who uses them, the slots are one atomic register.

How to read this. A state gives every variable below a value. An *action*, such as Announce(c), describes a step from
one state to the next: an unprimed variable is its value before, a primed one its value after the step. Next says that
each step is one of the actions; `Spec` at the end is all behaviours that this allows.

There is one action for each access to shared memory that the code makes, called as the access is in the code's table:
`slots.catch_up` is CatchUp(c). Between two actions anything may happen: an action of somebody else, or Kill(p).
`pc[p]` names the access that process p makes next. A process that is "dead" has been killed or was never started; its
next action is the first access of its recovery.

What memory is here: every access sees the newest value. What weaker memories add is checked by other tools. But a kill
is not a prefix of the program here either: stores that nothing has ordered yet may be undone by it (Leaves).
*)
EXTENDS Integers, FiniteSets

CONSTANTS
    Consumers,      \* the consumers
    Observers,      \* processes that peek: they copy the newest message without locking it
    Producer,       \* the producer
    Slots,          \* the slots: 0 .. C+1
    Sleeping,       \* those consumers that sleep until there is a newer message
    Attempts,       \* how often an observer tries before it gives up
    Leaves,         \* what a kill leaves of stores that nothing has ordered yet: "all", "any" of them, or "garbage"
    InOrder         \* whether the producer visits consumers and takes slots in the code's order, or in any

ASSUME Leaves \in {"all", "any", "garbage"}
ASSUME Sleeping \subseteq Consumers /\ Producer \notin Consumers \cup Observers

VARIABLES
    \* Shared memory.
    latest,         \* the stamp of the newest message: its sequence number and its slot
    lock,           \* lock[c]: Free, Claim, Tentative(stamp) or Held(stamp)
    slot,           \* slot[s]: sequence number (0 while it is rewritten), length, and a payload of two words
    wait,           \* wait[c]: what `latest` was when consumer c last went to sleep
    \* Where each process is, and how many accesses its operation has made so far.
    pc,
    steps,
    \* What the producer alone knows. A kill takes it.
    newest,         \* what `latest` is, since nobody else writes it
    previous,       \* what it was before, until everybody who sleeps on that is awake
    scanned,        \* the consumers whose lock word, or later whose wait word, has been looked at
    seen,           \* seen[c]: the slot that lock[c] was found to name
    helping,        \* the consumer whose Claim is about to be made Held, if any
    loan,           \* the slot that is being written
    \* What a consumer or observer alone knows. A kill takes it.
    at,             \* at[p]: the message that p is after, or has
    read,           \* read[p]: what p has read of it
    attempts,       \* attempts[o]: how often observer o has tried
    \* What nobody knows: it is here to say what a kill can do, and what is right.
    before,         \* the slot that is being written, as it would be without the stores that nothing has ordered yet
    beforeWait,     \* beforeWait[c]: likewise wait[c]
    draft,          \* how many attempts at the next message have been killed: they differ in content
    floor           \* floor[c]: the newest sequence number when c's acquire began

shared == <<latest, lock, slot, wait>>
producing == <<newest, previous, scanned, seen, helping, loan, before, draft>>
consuming == <<at, read, attempts, beforeWait, floor>>
vars == <<shared, pc, steps, producing, consuming>>

Readers == Consumers \cup Observers
Processes == Readers \cup {Producer}

-----------------------------------------------------------------------------
\* Values

NoStamp == [seq |-> 0, slot |-> 0]
Free == [tag |-> "free", seq |-> 0, slot |-> 0]
Claimed == [tag |-> "claim", seq |-> 0, slot |-> 0]
Tentative(stamp) == [tag |-> "tentative", seq |-> stamp.seq, slot |-> stamp.slot]
Held(stamp) == [tag |-> "held", seq |-> stamp.seq, slot |-> stamp.slot]
StampOf(word) == [seq |-> word.seq, slot |-> word.slot]
Never == [tag |-> "never", seq |-> 0, slot |-> 0]
AsleepOn(stamp) == [tag |-> "asleep", seq |-> stamp.seq, slot |-> stamp.slot]
NoSlot == -1

\* Whether a lock word keeps the producer away from a slot.
Names(word) == word.tag \in {"tentative", "held"}

(* The content of a message, of which each word of its payload, and here its length too, bears the mark: the message's
number, and which attempt at that number it is. *)
NoContent == <<0, 0>>
Content == <<newest.seq + 1, draft>>
Empty == [seq |-> 0, length |-> NoContent, first |-> NoContent, second |-> NoContent]
Nothing == [length |-> NoContent, first |-> NoContent, second |-> NoContent]

\* Process p goes on to `next`; where it rests there, its operation is complete.
Resting == {"idle", "holding", "peeked"}
Go(p, next) ==
    /\ pc' = [pc EXCEPT ![p] = next]
    /\ steps' = [steps EXCEPT ![p] = IF next \in Resting THEN 0 ELSE steps[p] + 1]

\* Where a consumer rests: a message that it has stays with it.
Rest(c) == IF at[c].seq = 0 THEN "idle" ELSE "holding"

-----------------------------------------------------------------------------
\* The producer

\* Recovery: loads `latest`, to go on from there. A death leaves nothing.
Resume ==
    /\ pc[Producer] = "dead"
    /\ newest' = latest
    /\ Go(Producer, IF Sleeping = {} THEN "idle" ELSE "resume_wake")
    /\ UNCHANGED <<shared, previous, scanned, seen, helping, loan, before, draft, consuming>>

\* Whoever sleeps on `latest` is awake.
WakeAll(next) ==
    /\ pc' = [p \in Processes |->
                IF p = Producer THEN next ELSE IF pc[p] = "asleep" THEN Rest(p) ELSE pc[p]]
    /\ steps' = [p \in Processes |-> IF p = Producer \/ pc[p] = "asleep" THEN 0 ELSE steps[p]]

\* Recovery: wakes everybody, as the predecessor may have died after its publish and before it did.
ResumeWake ==
    /\ pc[Producer] = "resume_wake"
    /\ WakeAll("idle")
    /\ UNCHANGED <<shared, producing, consuming>>

\* A publish begins. No access yet.
BeginPublish ==
    /\ pc[Producer] = "idle"
    /\ pc' = [pc EXCEPT ![Producer] = "scan"]
    /\ UNCHANGED <<shared, steps, producing, consuming>>

\* Those that the producer visits next, of the ones that are left.
NextOf(left) == IF InOrder THEN {c \in left : \A d \in left : c <= d} ELSE left

\* The producer has looked at lock[c], and it names the slot `named`.
Scanned(c, named) ==
    /\ seen' = [seen EXCEPT ![c] = named]
    /\ scanned' = scanned \cup {c}
    /\ helping' = {}
    /\ Go(Producer, IF scanned \cup {c} = Consumers THEN "retire" ELSE "scan")

\* Loads a lock word. A death leaves nothing.
Scan(c) ==
    /\ pc[Producer] = "scan"
    /\ c \in NextOf(Consumers \ scanned)
    /\ IF lock[c] = Claimed /\ newest.seq # 0
       THEN /\ helping' = {c}
            /\ Go(Producer, "help")
            /\ UNCHANGED <<seen, scanned>>
       ELSE Scanned(c, IF Names(lock[c]) THEN lock[c].slot ELSE NoSlot)
    /\ UNCHANGED <<shared, newest, previous, loan, before, draft, consuming>>

\* Compare-exchange of a Claim to Held(newest). Killed before: the consumer settles by itself. Killed after: it is helped.
Help(c) ==
    /\ pc[Producer] = "help"
    /\ c \in helping
    /\ IF lock[c] = Claimed
       THEN /\ lock' = [lock EXCEPT ![c] = Held(newest)]
            /\ Scanned(c, newest.slot)
       ELSE /\ Go(Producer, "rescan")
            /\ UNCHANGED <<lock, seen, scanned, helping>>
    /\ UNCHANGED <<latest, slot, wait, newest, previous, loan, before, draft, consuming>>

\* The consumer was faster: loads its lock word again (`slots.scan` once more). A death leaves nothing.
Rescan(c) ==
    /\ pc[Producer] = "rescan"
    /\ c \in helping
    /\ Scanned(c, IF Names(lock[c]) THEN lock[c].slot ELSE NoSlot)
    /\ UNCHANGED <<shared, newest, previous, loan, before, draft, consuming>>

\* The slots that are free: neither is a lock word known to name them, nor does `latest`.
FreeSlots == {s \in Slots : (newest.seq = 0 \/ s # newest.slot) /\ \A c \in Consumers : seen[c] # s}

\* The code takes slots in turn, from the newest message's on. Any free one would do.
Turn(s) == IF newest.seq = 0 \/ s > newest.slot THEN s ELSE s + Cardinality(Slots)
Choices == IF InOrder THEN {s \in FreeSlots : \A t \in FreeSlots : Turn(s) <= Turn(t)} ELSE FreeSlots

\* Stores 0 to the sequence number of a free slot. Killed from here to `publish`: the slot is free, its content of no account.
Retire ==
    /\ pc[Producer] = "retire"
    /\ \E s \in Choices :
        /\ loan' = s
        /\ before' = slot[s]
        /\ slot' = [slot EXCEPT ![s].seq = 0]
    /\ Go(Producer, "retire_fence")
    /\ seen' = [c \in Consumers |-> NoSlot]
    /\ scanned' = {}
    /\ UNCHANGED <<latest, lock, wait, newest, previous, helping, draft, consuming>>

\* A fence: what is stored from here on is seen by nobody who does not see the 0.
RetireFence ==
    /\ pc[Producer] = "retire_fence"
    /\ before' = slot[loan]
    /\ Go(Producer, "fill_first")
    /\ UNCHANGED <<shared, newest, previous, scanned, seen, helping, loan, draft, consuming>>

\* Writes the first word of the payload.
FillFirst ==
    /\ pc[Producer] = "fill_first"
    /\ slot' = [slot EXCEPT ![loan].first = Content]
    /\ Go(Producer, "fill_second")
    /\ UNCHANGED <<latest, lock, wait, producing, consuming>>

\* Writes the second word.
FillSecond ==
    /\ pc[Producer] = "fill_second"
    /\ slot' = [slot EXCEPT ![loan].second = Content]
    /\ Go(Producer, "measure")
    /\ UNCHANGED <<latest, lock, wait, producing, consuming>>

\* Stores the length.
Measure ==
    /\ pc[Producer] = "measure"
    /\ slot' = [slot EXCEPT ![loan].length = Content]
    /\ Go(Producer, "seal")
    /\ UNCHANGED <<latest, lock, wait, producing, consuming>>

\* Stores the sequence number.
Seal ==
    /\ pc[Producer] = "seal"
    /\ slot' = [slot EXCEPT ![loan].seq = newest.seq + 1]
    /\ Go(Producer, "publish")
    /\ UNCHANGED <<latest, lock, wait, producing, consuming>>

\* Stores `latest`. Killed before: the message was never published. Killed after: it is out.
Publish ==
    /\ pc[Producer] = "publish"
    /\ latest' = [seq |-> newest.seq + 1, slot |-> loan]
    /\ newest' = [seq |-> newest.seq + 1, slot |-> loan]
    /\ previous' = IF Sleeping = {} THEN NoStamp ELSE newest
    /\ loan' = NoSlot
    /\ before' = Empty
    /\ draft' = 0
    /\ Go(Producer, IF Sleeping = {} THEN "idle" ELSE "sleepers")
    /\ UNCHANGED <<lock, slot, wait, scanned, seen, helping, consuming>>

\* Loads a wait word: does its consumer sleep on what `latest` was, or on what it is? A death leaves nothing.
Sleepers(c) ==
    /\ pc[Producer] = "sleepers"
    /\ c \in NextOf(Sleeping \ scanned)
    /\ IF wait[c] \in {AsleepOn(previous), AsleepOn(newest)}
       THEN Go(Producer, "wake") /\ scanned' = {} /\ UNCHANGED previous
       ELSE IF scanned \cup {c} = Sleeping
            THEN Go(Producer, "idle") /\ scanned' = {} /\ previous' = NoStamp
            ELSE Go(Producer, "sleepers") /\ scanned' = scanned \cup {c} /\ UNCHANGED previous
    /\ UNCHANGED <<shared, newest, seen, helping, loan, before, draft, consuming>>

\* Wakes who sleeps. Killed before: the successor does, see ResumeWake.
Wake ==
    /\ pc[Producer] = "wake"
    /\ WakeAll("idle")
    /\ previous' = NoStamp
    /\ UNCHANGED <<shared, newest, scanned, seen, helping, loan, before, draft, consuming>>

\* A producer reads its last message back: its sequence number, its length, its payload. Nothing is changed by that.
Reread(here, next) ==
    /\ pc[Producer] = here
    /\ Go(Producer, next)
    /\ UNCHANGED <<shared, producing, consuming>>
RereadSequence == newest.seq # 0 /\ Reread("idle", "reread_length")
RereadLength == Reread("reread_length", "reread_first")
RereadFirst == Reread("reread_first", "reread_second")
RereadSecond == Reread("reread_second", "idle")

-----------------------------------------------------------------------------
\* A consumer

\* Recovery: loads the lock word. What was Held is held still. A death leaves nothing.
Recover(c) ==
    /\ pc[c] = "dead"
    /\ IF lock[c].tag = "held"
       THEN at' = [at EXCEPT ![c] = StampOf(lock[c])] /\ Go(c, "verify")
       ELSE UNCHANGED at /\ Go(c, IF lock[c] = Free THEN "idle" ELSE "abandon")
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait, floor>>

\* Recovery: stores Free over anything else, also over what the producer may have helped to meanwhile.
Abandon(c) ==
    /\ pc[c] = "abandon"
    /\ lock' = [lock EXCEPT ![c] = Free]
    /\ Go(c, "idle")
    /\ UNCHANGED <<latest, slot, wait, producing, consuming>>

\* An acquire begins: loads `latest`. What was held before is held still.
Observe(c) ==
    /\ pc[c] \in Resting
    /\ IF latest.seq = 0
       THEN Go(c, "idle") /\ UNCHANGED <<at, floor>>
       ELSE /\ at' = [at EXCEPT ![c] = latest]
            /\ floor' = [floor EXCEPT ![c] = latest.seq]
            /\ Go(c, "announce")
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait>>

\* Asks for the newest message's number (`slots.observe` by itself). Nothing is changed by that.
Newest(c) ==
    /\ pc[c] \in Resting
    /\ UNCHANGED vars

\* Stores Tentative: one slot is spared. A death leaves that, until the successor frees it.
Announce(c) ==
    /\ pc[c] = "announce"
    /\ lock' = [lock EXCEPT ![c] = Tentative(at[c])]
    /\ Go(c, "recheck")
    /\ UNCHANGED <<latest, slot, wait, producing, consuming>>

\* Loads `latest` again: was Tentative in time?
Recheck(c) ==
    /\ pc[c] = "recheck"
    /\ IF latest = at[c]
       THEN Go(c, "hold")
       ELSE Go(c, "claim")
    /\ UNCHANGED <<shared, producing, consuming>>

\* It was: stores Held. Killed before: nothing is locked. Killed after: the successor may read the message.
Hold(c) ==
    /\ pc[c] = "hold"
    /\ lock' = [lock EXCEPT ![c] = Held(at[c])]
    /\ Go(c, "verify")
    /\ UNCHANGED <<latest, slot, wait, producing, consuming>>

\* It was not: stores Claim. From here on the producer helps. A death leaves that.
Claim(c) ==
    /\ pc[c] = "claim"
    /\ lock' = [lock EXCEPT ![c] = Claimed]
    /\ Go(c, "catch_up")
    /\ UNCHANGED <<latest, slot, wait, producing, consuming>>

\* Loads `latest` for the last time.
CatchUp(c) ==
    /\ pc[c] = "catch_up"
    /\ at' = [at EXCEPT ![c] = latest]
    /\ Go(c, "settle")
    /\ UNCHANGED <<shared, producing, read, attempts, beforeWait, floor>>

\* Compare-exchange of Claim to Held. Where it fails, the producer has helped, and what it gave is ours.
Settle(c) ==
    /\ pc[c] = "settle"
    /\ IF lock[c] = Claimed
       THEN lock' = [lock EXCEPT ![c] = Held(at[c])] /\ UNCHANGED at
       ELSE at' = [at EXCEPT ![c] = StampOf(lock[c])] /\ UNCHANGED lock
    /\ Go(c, "verify")
    /\ UNCHANGED <<latest, slot, wait, producing, read, attempts, beforeWait, floor>>

\* Loads the slot's sequence number. It is the message's: see Inv1 and Inv2.
Verify(c) ==
    /\ pc[c] = "verify"
    /\ Go(c, "length")
    /\ UNCHANGED <<shared, producing, consuming>>

\* Loads the length. The acquire, or recovery, is complete.
Length(c) ==
    /\ pc[c] = "length"
    /\ Go(c, "holding")
    /\ UNCHANGED <<shared, producing, consuming>>

\* Reads the first word of what is held.
ReadFirst(c) ==
    /\ pc[c] = "holding"
    /\ read' = [read EXCEPT ![c].first = slot[at[c].slot].first]
    /\ Go(c, "read_second")
    /\ UNCHANGED <<shared, producing, at, attempts, beforeWait, floor>>

\* Reads the second. It was of one piece with the first: see Inv1.
ReadSecond(c) ==
    /\ pc[c] = "read_second"
    /\ read' = [read EXCEPT ![c] = Nothing]
    /\ Go(c, "holding")
    /\ UNCHANGED <<shared, producing, at, attempts, beforeWait, floor>>

\* Stores Free. Killed before: the successor may read the message. Killed after: nothing is locked.
Release(c) ==
    /\ pc[c] = "holding"
    /\ lock' = [lock EXCEPT ![c] = Free]
    /\ at' = [at EXCEPT ![c] = NoStamp]
    /\ floor' = [floor EXCEPT ![c] = 0]
    /\ Go(c, "idle")
    /\ UNCHANGED <<latest, slot, wait, producing, read, attempts, beforeWait>>

\* On the way to sleep: loads `latest`. Is there anything to sleep for?
Look(c) ==
    /\ c \in Sleeping
    /\ pc[c] \in Resting
    /\ IF latest = at[c]
       THEN Go(c, "doze")
       ELSE Go(c, Rest(c))
    /\ UNCHANGED <<shared, producing, consuming>>

\* Stores what it will sleep on. A death leaves that, or what was there before: at most one wake in vain.
Doze(c) ==
    /\ pc[c] = "doze"
    /\ wait' = [wait EXCEPT ![c] = AsleepOn(at[c])]
    /\ beforeWait' = [beforeWait EXCEPT ![c] = wait[c]]
    /\ Go(c, "sleep")
    /\ UNCHANGED <<latest, lock, slot, producing, at, read, attempts, floor>>

\* The kernel compares once more, and puts it to sleep, in one step.
Sleep(c) ==
    /\ pc[c] = "sleep"
    /\ beforeWait' = [beforeWait EXCEPT ![c] = Never]
    /\ IF latest = at[c]
       THEN Go(c, "asleep")
       ELSE Go(c, Rest(c))
    /\ UNCHANGED <<shared, producing, at, read, attempts, floor>>

-----------------------------------------------------------------------------
\* An observer

\* Loads `latest`, at the beginning of each attempt.
Peek(o) ==
    /\ pc[o] \in {"dead", "idle", "peeked", "peek"}
    /\ IF latest.seq = 0
       THEN Go(o, "idle") /\ UNCHANGED <<at, attempts>>
       ELSE /\ at' = [at EXCEPT ![o] = latest]
            /\ attempts' = [attempts EXCEPT ![o] = @ + 1]
            /\ Go(o, "peek_length")
    /\ read' = [read EXCEPT ![o] = Nothing]
    /\ UNCHANGED <<shared, producing, beforeWait, floor>>

\* Loads the length, of whatever message it now is.
PeekLength(o) ==
    /\ pc[o] = "peek_length"
    /\ read' = [read EXCEPT ![o].length = slot[at[o].slot].length]
    /\ Go(o, "peek_first")
    /\ UNCHANGED <<shared, producing, at, attempts, beforeWait, floor>>

\* Reads the first word of the payload.
PeekFirst(o) ==
    /\ pc[o] = "peek_first"
    /\ read' = [read EXCEPT ![o].first = slot[at[o].slot].first]
    /\ Go(o, "peek_second")
    /\ UNCHANGED <<shared, producing, at, attempts, beforeWait, floor>>

\* Reads the second.
PeekSecond(o) ==
    /\ pc[o] = "peek_second"
    /\ read' = [read EXCEPT ![o].second = slot[at[o].slot].second]
    /\ Go(o, "peek_fence")
    /\ UNCHANGED <<shared, producing, at, attempts, beforeWait, floor>>

\* A fence: who has read a word of a later message sees from here on that the slot was retired.
PeekFence(o) ==
    /\ pc[o] = "peek_fence"
    /\ Go(o, "peek_verify")
    /\ UNCHANGED <<shared, producing, consuming>>

\* Loads the slot's sequence number: what was read counts if it still is the message's.
PeekVerify(o) ==
    /\ pc[o] = "peek_verify"
    /\ IF slot[at[o].slot].seq = at[o].seq
       THEN Go(o, "peeked") /\ attempts' = [attempts EXCEPT ![o] = 0] /\ UNCHANGED <<at, read>>
       ELSE /\ at' = [at EXCEPT ![o] = NoStamp]
            /\ read' = [read EXCEPT ![o] = Nothing]
            /\ IF attempts[o] = Attempts
               THEN Go(o, "idle") /\ attempts' = [attempts EXCEPT ![o] = 0]
               ELSE Go(o, "peek") /\ UNCHANGED attempts
    /\ UNCHANGED <<shared, producing, beforeWait, floor>>

-----------------------------------------------------------------------------
\* Death

Dies(p) ==
    /\ pc[p] # "dead"
    /\ pc' = [pc EXCEPT ![p] = "dead"]
    /\ steps' = [steps EXCEPT ![p] = 0]

\* Whether a publish is under way that has not taken effect.
Publishing == pc[Producer] \in {"scan", "help", "rescan", "retire", "retire_fence",
                                "fill_first", "fill_second", "measure", "seal", "publish"}

\* A word of the payload whose copy was cut short: neither the old word nor the new one.
Torn == <<0, 1>>
Copied(now, was) == IF now = was THEN {now} ELSE {now, was, Torn}

(* The words of a slot as a kill may leave them: of each, the newest store, or what was there before; payload is copied
byte by byte. Where nobody peeks, nobody ever looks at them; then "garbage" says so with fewer states. *)
Left(now, was) ==
    CASE Leaves = "all" -> {now}
      [] Leaves = "any" -> [seq : {now.seq, was.seq}, length : {now.length, was.length},
                            first : Copied(now.first, was.first), second : Copied(now.second, was.second)]
      [] Leaves = "garbage" -> {Empty}

KillProducer ==
    /\ Dies(Producer)
    /\ IF loan = NoSlot
       THEN UNCHANGED slot
       ELSE \E left \in Left(slot[loan], before) : slot' = [slot EXCEPT ![loan] = left]
    /\ newest' = NoStamp
    /\ previous' = NoStamp
    /\ scanned' = {}
    /\ seen' = [c \in Consumers |-> NoSlot]
    /\ helping' = {}
    /\ loan' = NoSlot
    /\ before' = Empty
    /\ draft' = IF Publishing THEN draft + 1 ELSE draft
    /\ UNCHANGED <<latest, lock, wait, consuming>>

KillReader(p) ==
    /\ Dies(p)
    /\ IF Leaves # "all" /\ pc[p] = "sleep"
       THEN \E left \in {wait[p], beforeWait[p]} : wait' = [wait EXCEPT ![p] = left]
       ELSE UNCHANGED wait
    /\ at' = [at EXCEPT ![p] = NoStamp]
    /\ read' = [read EXCEPT ![p] = Nothing]
    /\ IF p \in Consumers
       THEN /\ floor' = [floor EXCEPT ![p] = 0]
            /\ beforeWait' = [beforeWait EXCEPT ![p] = Never]
            /\ UNCHANGED attempts
       ELSE /\ attempts' = [attempts EXCEPT ![p] = 0]
            /\ UNCHANGED <<floor, beforeWait>>
    /\ UNCHANGED <<latest, lock, slot, producing>>

Kill(p) == IF p = Producer THEN KillProducer ELSE KillReader(p)

-----------------------------------------------------------------------------
\* The whole

Init ==
    /\ latest = NoStamp
    /\ lock = [c \in Consumers |-> Free]
    /\ slot = [s \in Slots |-> Empty]
    /\ wait = [c \in Consumers |-> Never]
    /\ pc = [p \in Processes |-> "dead"]
    /\ steps = [p \in Processes |-> 0]
    /\ newest = NoStamp
    /\ previous = NoStamp
    /\ scanned = {}
    /\ seen = [c \in Consumers |-> NoSlot]
    /\ helping = {}
    /\ loan = NoSlot
    /\ at = [p \in Readers |-> NoStamp]
    /\ read = [p \in Readers |-> Nothing]
    /\ attempts = [o \in Observers |-> 0]
    /\ before = Empty
    /\ beforeWait = [c \in Consumers |-> Never]
    /\ draft = 0
    /\ floor = [c \in Consumers |-> 0]

ProducerNext ==
    \/ Resume \/ ResumeWake
    \/ BeginPublish
    \/ \E c \in Consumers : Scan(c) \/ Help(c) \/ Rescan(c)
    \/ Retire \/ RetireFence \/ FillFirst \/ FillSecond \/ Measure \/ Seal \/ Publish
    \/ \E c \in Sleeping : Sleepers(c)
    \/ Wake
    \/ RereadSequence \/ RereadLength \/ RereadFirst \/ RereadSecond

ConsumerNext(c) ==
    \/ Recover(c) \/ Abandon(c)
    \/ Observe(c) \/ Announce(c) \/ Recheck(c) \/ Hold(c) \/ Claim(c) \/ CatchUp(c) \/ Settle(c)
    \/ Verify(c) \/ Length(c)
    \/ ReadFirst(c) \/ ReadSecond(c)
    \/ Release(c)
    \/ Newest(c)
    \/ Look(c) \/ Doze(c) \/ Sleep(c)

ObserverNext(o) ==
    \/ Peek(o) \/ PeekLength(o) \/ PeekFirst(o) \/ PeekSecond(o) \/ PeekFence(o) \/ PeekVerify(o)

Next ==
    \/ ProducerNext
    \/ \E c \in Consumers : ConsumerNext(c)
    \/ \E o \in Observers : ObserverNext(o)
    \/ \E p \in Processes : Kill(p)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
\* Invariants

\* The consumer has a message, and may read it.
Has(c) == pc[c] \in {"verify", "length", "holding", "read_second"}

\* A message is whole: each of its words is of the same attempt at the same number.
IsWhole(message, number) ==
    /\ message.seq = number
    /\ message.first[1] = number
    /\ message.second = message.first
    /\ message.length = message.first

\* 1. A slot that `latest` or a Held lock names is not written.
Inv1HeldSlotsAreNotWritten ==
    loan # NoSlot =>
        /\ latest.seq # 0 => latest.slot # loan
        /\ \A c \in Consumers : lock[c].tag = "held" => lock[c].slot # loan

\* 2. `latest` names a complete message; and so does a Held lock.
Inv2MessagesAreComplete ==
    /\ latest.seq # 0 => IsWhole(slot[latest.slot], latest.seq)
    /\ \A c \in Consumers : lock[c].tag = "held" => IsWhole(slot[lock[c].slot], lock[c].seq)

\* What is read is whole: a consumer's first word is of one piece with the second that it reads next; and a peek's copy.
Inv2ReadsAreWhole ==
    /\ \A c \in Consumers : pc[c] = "read_second" => read[c].first = slot[at[c].slot].second
    /\ \A o \in Observers :
        pc[o] = "peeked" =>
            /\ read[o].first[1] = at[o].seq
            /\ read[o].second = read[o].first
            /\ read[o].length = read[o].first

\* 3. A publish finds a free slot: C lock words and `latest` name at most C+1 of the C+2 slots.
Inv3AFreeSlotExists == pc[Producer] = "retire" => FreeSlots # {}

(* 4. The sequence numbers that a consumer sees never go back, and an acquire gives a message at least as new as the
newest one whose publish returned before it began. Here: as the newest one when it began. All that any consumer has is
at most as new as the newest, so what one sees never goes back. *)
Inv4ReadsAreNotOld ==
    \A c \in Consumers : Has(c) => floor[c] <= at[c].seq /\ at[c].seq <= latest.seq

\* 5. Every operation, recovery too, ends within a bounded number of its own steps, whatever the others do.
AccessesOfAPublish == 3 * Cardinality(Consumers) + 7 + Cardinality(Sleeping) + 1
AccessesOfAnAcquire == 8
AccessesOfAPeek == 6 * Attempts
Inv5OperationsAreBounded ==
    /\ steps[Producer] < AccessesOfAPublish
    /\ \A c \in Consumers : steps[c] < AccessesOfAnAcquire
    /\ \A o \in Observers : steps[o] < AccessesOfAPeek

\* 6. A slot that is only Tentative is not read.
Inv6TentativeIsNotRead == \A c \in Consumers : Has(c) => lock[c] = Held(at[c])

(* 7. A consumer that sleeps although there is a message which it has not seen is woken: by the process that published
it, or, if that one died in between, by the next that takes up the producer's role. *)
Inv7NoSleeperIsForgotten ==
    \A c \in Sleeping :
        pc[c] = "asleep" /\ latest # at[c] =>
            \/ pc[Producer] \in {"dead", "resume_wake", "wake"}
            \/ pc[Producer] = "sleepers" /\ c \notin scanned /\ wait[c] \in {AsleepOn(previous), AsleepOn(newest)}

TypeOK ==
    /\ latest.seq \in Nat /\ latest.slot \in Slots
    /\ \A c \in Consumers :
        /\ lock[c].tag \in {"free", "claim", "tentative", "held"}
        /\ Names(lock[c]) => lock[c].seq \in Nat \ {0} /\ lock[c].slot \in Slots
        /\ ~Names(lock[c]) => lock[c].seq = 0 /\ lock[c].slot = 0
        /\ seen[c] \in Slots \cup {NoSlot}
        /\ wait[c].tag \in {"never", "asleep"}
    /\ loan \in Slots \cup {NoSlot}
    /\ helping \subseteq Consumers /\ scanned \subseteq Consumers
    /\ pc[Producer] \notin {"dead", "resume_wake"} => newest = latest

-----------------------------------------------------------------------------
\* The promise

MessageIn(stamp) == <<stamp.seq, slot[stamp.slot].first, slot[stamp.slot].second>>
NoMessage == <<0, NoContent, NoContent>>

\* What the register's variables are here. The register is written when `latest` is stored, and read when it is loaded.
Promise == INSTANCE Register WITH
    Readers <- Consumers,
    Nothing <- NoMessage,
    value <- IF latest.seq = 0 THEN NoMessage ELSE MessageIn(latest),
    writing <- IF Publishing THEN <<newest.seq + 1, Content, Content>> ELSE NoMessage,
    phase <- [c \in Consumers |->
        CASE pc[c] = "dead" -> IF lock[c].tag \in {"free", "held"} THEN "absent" ELSE "interrupted"
          [] pc[c] = "abandon" -> "interrupted"
          [] pc[c] \in {"announce", "recheck", "claim"} -> "reading"
          [] pc[c] = "catch_up" -> IF lock[c] = Claimed THEN "reading" ELSE "taken"
          [] pc[c] \in {"hold", "settle"} -> "taken"
          [] OTHER -> "idle"],
    got <- [c \in Consumers |->
        IF lock[c].tag = "held" THEN MessageIn(StampOf(lock[c]))
        ELSE IF pc[c] \in {"hold", "settle"} THEN MessageIn(at[c])
        ELSE NoMessage]

Refines == Promise!Spec

==============================================================================
