---------------------------- MODULE SlotsInductive ----------------------------
(*
Why `slots` is right, for any number of consumers and of messages.

A model checker looks at all states that can be reached, and so only ever at a few consumers and messages. To say
something about all numbers one states more, not less: an *inductive invariant*, a formula that

  - holds at first:                  Init => Inductive,
  - is kept by each single action:   Inductive /\ Action => Inductive',
  - says what we want to know:       Inductive => Inv1HeldSlotsAreNotWritten, and so on.

Each of the three speaks of one state or of one step, not of whole runs, and of these a solver for first-order logic (z3)
can say that there is no exception, be there as many consumers, messages and slots as there may. Then Inductive, and what
follows from it, holds in every state that can ever be reached.

An invariant that we want is hardly ever inductive by itself. "Held slots are not written" holds in a state in which the
producer is about to take a slot and has noted for a consumer that it needs none, while that consumer is about to lock
that very slot; one step later it is broken. That state cannot be reached, and the formulas below say why: each of them
rules out some states from which things would go wrong.

How to read it: the conjuncts of Inductive, at the end, in their order. Each has its why. `cargo specs` has each of them
proved for each action of Slots, from the text of these two files; TLC checks Inductive on small bounds as well.
*)
EXTENDS Slots

\* How many consumers and slots there are. The consumers bear the numbers from 0; any other names would do as well.
EnoughSlots ==
    /\ Consumers = 0 .. Cardinality(Consumers) - 1
    /\ Slots = 0 .. Cardinality(Consumers) + 1
    /\ Cardinality(Slots) = Cardinality(Consumers) + 2
    /\ Consumers \cap Observers = {}
    /\ NoSlot \notin Slots

ASSUME EnoughSlots

-----------------------------------------------------------------------------
\* Where processes can be, and what their words can be

ProducerPlaces == {"dead", "resume_wake", "idle", "scan", "help", "rescan", "retire", "retire_fence", "fill_first",
                   "fill_second", "measure", "seal", "publish", "sleepers", "wake",
                   "reread_length", "reread_first", "reread_second"}
ConsumerPlaces == {"dead", "abandon", "idle", "announce", "recheck", "hold", "claim", "catch_up", "settle", "verify",
                   "length", "holding", "read_second", "doze", "sleep", "asleep"}
ObserverPlaces == {"dead", "idle", "peek", "peek_length", "peek_first", "peek_second", "peek_fence", "peek_verify",
                   "peeked"}

PlacesAreKnown ==
    /\ pc[Producer] \in ProducerPlaces
    /\ \A c \in Consumers : pc[c] \in ConsumerPlaces
    /\ \A o \in Observers : pc[o] \in ObserverPlaces

\* A stamp names a slot that exists, and no message that has not been published.
IsStamp(stamp) == stamp.seq \in Nat /\ stamp.slot \in Slots /\ stamp.seq <= latest.seq

StampsAreKnown ==
    /\ IsStamp(latest)
    /\ \A p \in Readers : IsStamp(at[p])

\* A lock word is one of the four.
LocksAreKnown ==
    \A c \in Consumers :
        \/ lock[c] = Free
        \/ lock[c] = Claimed
        \/ lock[c].tag \in {"tentative", "held"} /\ IsStamp(StampOf(lock[c])) /\ lock[c].seq # 0

\* What has been seen in a lock word is a slot, or none; a wait word is a note or empty.
SeenAndWaitAreKnown ==
    \A c \in Consumers :
        /\ seen[c] \in Slots \cup {NoSlot}
        /\ wait[c].tag \in {"never", "asleep"}
        /\ pc[c] = "sleep" => beforeWait[c].tag \in {"never", "asleep"}

\* The producer has a slot from Retire to Publish, and only then.
Writing == pc[Producer] \in {"retire_fence", "fill_first", "fill_second", "measure", "seal", "publish"}
Scanning == pc[Producer] \in {"scan", "help", "rescan", "retire"}

LoanIsKnown ==
    /\ Writing => loan \in Slots
    /\ ~Writing => loan = NoSlot

-----------------------------------------------------------------------------
\* What the producer knows

\* Nobody else writes `latest`: what it was when the producer last loaded or stored it, it is.
ProducerKnowsLatest ==
    IF pc[Producer] = "dead" THEN newest = NoStamp ELSE newest = latest

\* `scanned` belongs to one scan of the locks, or of those who sleep; in between nobody is scanned.
ScannedIsOfThisScan ==
    /\ scanned \subseteq Consumers
    /\ pc[Producer] \notin {"scan", "help", "rescan", "retire", "sleepers"} => scanned = {}
    /\ pc[Producer] = "retire" => \A c \in Consumers : c \in scanned

\* The producer helps one consumer at a time, which it has not yet scanned, and nobody before the first message.
HelpIsUnderWay ==
    /\ \A c \in helping, d \in helping : c = d
    /\ pc[Producer] \in {"help", "rescan"} => helping \subseteq Consumers \ scanned /\ newest.seq # 0
    /\ pc[Producer] \notin {"help", "rescan"} => helping = {}

-----------------------------------------------------------------------------
\* What a consumer's place says about its lock word, and about what it has

HasNothing == {"dead", "abandon", "idle"}
Acquiring == {"announce", "recheck", "hold", "claim", "catch_up", "settle"}
Sleepy == {"doze", "sleep", "asleep"}

PlacesFitLocks ==
    \A c \in Consumers :
        /\ pc[c] \in HasNothing => at[c] = NoStamp
        /\ pc[c] = "idle" => lock[c] = Free
        /\ pc[c] \in Acquiring => at[c].seq # 0
        /\ pc[c] = "announce" => lock[c].tag \in {"free", "held"}
        /\ pc[c] \in {"recheck", "hold", "claim"} => lock[c] = Tentative(at[c])
        \* Only the producer makes a Claim anything else.
        /\ pc[c] \in {"catch_up", "settle"} => lock[c] = Claimed \/ lock[c].tag = "held"
        /\ pc[c] \in {"verify", "length", "holding", "read_second"} => lock[c] = Held(at[c])
        \* Who sleeps goes on with what it held when it went to sleep, or with nothing.
        /\ pc[c] \in Sleepy => lock[c] = (IF at[c].seq = 0 THEN Free ELSE Held(at[c]))
        /\ pc[c] \in Sleepy /\ at[c].seq = 0 => at[c] = NoStamp

-----------------------------------------------------------------------------
\* The heart of it: what is protected

(* Consumer c relies on the slot of the message m: it holds it, or its next step may be to hold it, without another look
at `latest`. *)
ReliesOnLock(c) == lock[c].tag = "held" \/ pc[c] = "hold"
ReliesOnAt(c) == pc[c] = "settle" /\ lock[c] = Claimed

(* A slot that somebody relies on is not being written, and it will not be chosen for the next message either: if the scan
that goes on has already passed the consumer by, it has noted that slot, or the slot is that of `latest`, which is not
chosen anyway. Publish makes another message the latest, but it also ends what that scan has noted. *)
IsProtected(c, s) ==
    /\ loan # s
    /\ Scanning /\ c \in scanned => seen[c] = s \/ (latest.seq # 0 /\ latest.slot = s)

WhatIsReliedOnIsProtected ==
    \A c \in Consumers :
        /\ ReliesOnLock(c) => IsProtected(c, lock[c].slot)
        /\ ReliesOnAt(c) => IsProtected(c, at[c].slot)

\* A slot is not being written while `latest` names it.
LatestIsProtected == latest.seq # 0 => latest.slot # loan

(* A help that came too late. The consumer may meanwhile have settled, released and claimed again; the producer looks at its
lock once more, but does not help again. It need not: whatever the consumer has loaded since is the latest still. *)
LateHelpIsHarmless ==
    \A c \in Consumers :
        pc[Producer] = "rescan" /\ c \in helping /\ ReliesOnAt(c) => at[c] = latest

-----------------------------------------------------------------------------
\* What is complete

\* What is relied on is whole.
WhatIsReliedOnIsWhole ==
    \A c \in Consumers :
        /\ ReliesOnLock(c) => IsWhole(slot[lock[c].slot], lock[c].seq)
        /\ ReliesOnAt(c) => IsWhole(slot[at[c].slot], at[c].seq)

LatestIsWhole == latest.seq # 0 => IsWhole(slot[latest.slot], latest.seq)

\* The message that is being written, word by word.
TheDraftGrows ==
    /\ pc[Producer] \in {"fill_second", "measure", "seal", "publish"} => slot[loan].first = Content
    /\ pc[Producer] \in {"measure", "seal", "publish"} => slot[loan].second = Content
    /\ pc[Producer] \in {"seal", "publish"} => slot[loan].length = Content
    /\ pc[Producer] = "publish" => slot[loan].seq = newest.seq + 1

\* Until it is sealed its sequence number is 0; and after the fence no death brings the old one back.
TheDraftIsRetired ==
    /\ Writing /\ pc[Producer] # "publish" => slot[loan].seq = 0
    /\ pc[Producer] = "retire_fence" => slot[loan] = [before EXCEPT !.seq = 0]
    /\ Writing /\ pc[Producer] # "retire_fence" => before.seq = 0

\* A consumer between its two reads: the second will be of the same message as the first.
ReadsFit == \A c \in Consumers : pc[c] = "read_second" => read[c].first = slot[at[c].slot].first

(* An observer: as long as the slot bears the number of the message that it reads, the message is whole, and what has been
read so far is of it. A death just after Retire may bring the number back (`before`), but then with what was there. *)
Peeking == {"peek_length", "peek_first", "peek_second", "peek_fence", "peek_verify"}
FitsWhatWasRead(message, o) ==
    message.seq = at[o].seq =>
        /\ IsWhole(message, at[o].seq)
        /\ pc[o] # "peek_length" => read[o].length = message.length
        /\ pc[o] \in {"peek_second", "peek_fence", "peek_verify"} => read[o].first = message.first
        /\ pc[o] \in {"peek_fence", "peek_verify"} => read[o].second = message.second

PeeksFit ==
    \A o \in Observers :
        pc[o] \in Peeking =>
            /\ at[o].seq # 0
            /\ FitsWhatWasRead(slot[at[o].slot], o)
            /\ pc[Producer] = "retire_fence" /\ loan = at[o].slot => FitsWhatWasRead(before, o)

\* What an observer has found to be whole it keeps for itself: nobody writes to that any more.
PeekedIsWhole ==
    \A o \in Observers :
        pc[o] = "peeked" =>
            /\ read[o].first[1] = at[o].seq
            /\ read[o].second = read[o].first
            /\ read[o].length = read[o].first

-----------------------------------------------------------------------------
\* What is new

\* `floor[c]` is the newest number when c's acquire began: nothing that c has or will be given is older.
NothingIsOld ==
    \A c \in Consumers :
        /\ floor[c] <= at[c].seq
        /\ pc[c] \in {"catch_up", "settle"} /\ lock[c].tag = "held" => floor[c] <= lock[c].seq

-----------------------------------------------------------------------------
\* Who sleeps

\* Who is about to sleep, or asleep, has noted on what.
NotesAreThere ==
    \A c \in Consumers :
        /\ pc[c] \in Sleepy => c \in Sleeping
        /\ pc[c] \in {"sleep", "asleep"} => wait[c] = AsleepOn(at[c])

-----------------------------------------------------------------------------

Inductive ==
    /\ PlacesAreKnown
    /\ StampsAreKnown
    /\ LocksAreKnown
    /\ SeenAndWaitAreKnown
    /\ LoanIsKnown
    /\ ProducerKnowsLatest
    /\ ScannedIsOfThisScan
    /\ HelpIsUnderWay
    /\ PlacesFitLocks
    /\ WhatIsReliedOnIsProtected
    /\ LatestIsProtected
    /\ LateHelpIsHarmless
    /\ TheDraftIsRetired
    /\ TheDraftGrows
    /\ WhatIsReliedOnIsWhole
    /\ LatestIsWhole
    /\ ReadsFit
    /\ PeeksFit
    /\ PeekedIsWhole
    /\ NothingIsOld
    /\ NotesAreThere
    /\ Inv7NoSleeperIsForgotten

-----------------------------------------------------------------------------
(*
The pigeonhole of invariant 3: n values cannot take all of n+1 slots. That there is a free slot when the producer looks
for one is no matter of induction over steps, but over n, and it is carried out here rather than assumed:

  - PigeonholeBase is Spared(f, 0), for an arbitrary f;
  - PigeonholeStep is proved for an arbitrary f and an arbitrary n >= 0. It concludes Spared(f, n + 1) from
    Spared(g, n) for *one* g, which is given as a term: Relabelled(f, n).

From the two follows, by induction over the natural numbers, that for all n and all f Spared(f, n): the induction's
hypothesis is "for all f, Spared(f, n)", of which the step uses the instance f := Relabelled(f, n). This principle, and
that instance, is all that is not left to the solver. PigeonholeApplied then uses the result for n = C+1 and the function
Taken: what the C lock words and `latest` name.
*)

\* Of the n+1 slots 0 .. n there is one that f, on 0 .. n-1, does not take.
Spared(f, n) == \E s \in 0 .. n : \A i \in 0 .. n - 1 : f[i] # s

\* f on 0 .. n-1, with the names of two slots exchanged: of f[n], which is taken by the last, and of the last, n+1.
Relabelled(f, n) ==
    [i \in 0 .. n - 1 |-> IF f[i] = f[n] THEN n + 1 ELSE IF f[i] = n + 1 THEN f[n] ELSE f[i]]

PigeonholeBase(f) == Spared(f, 0)
PigeonholeHypothesis(f, n) == Spared(Relabelled(f, n), n)
PigeonholeStep(f, n) == PigeonholeHypothesis(f, n) => Spared(f, n + 1)

\* What the lock words of the C consumers, as they were seen, and `latest` take: at most C+1 slots.
Taken == [i \in 0 .. Cardinality(Consumers) |-> IF i = Cardinality(Consumers) THEN newest.slot ELSE seen[i]]
PigeonholeOfTaken == Spared(Taken, Cardinality(Consumers) + 1)
PigeonholeApplied == PigeonholeOfTaken => Inv3AFreeSlotExists

==============================================================================
