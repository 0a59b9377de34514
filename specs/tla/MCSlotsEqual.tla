----------------------------- MODULE MCSlotsEqual -----------------------------
(*
Slots.tla with the bounds of one scenario of the simulator, to compare the states that both reach: a producer that
publishes `Publishes` messages, a consumer that acquires, releases and acquires, and at most `Kills` deaths. What the
scenario's processes do between the operations that they are asked for is here too: a consumer reads what it has locked,
right after an acquire and in its recovery; and one that finds in its recovery that its predecessor died while it
acquired asks for the newest message's number.

Each distinct state is printed as the simulator says it: the words, the payload, where the processes stand, and the
counts of the bounds.
*)
EXTENDS Slots, Sequences, TLC

CONSTANTS
    Publishes,      \* so many messages
    Kills           \* at most so many kills

VARIABLES
    complete,       \* complete[p]: how many operations of its script process p has completed
    due,            \* due[p]: what p has to do before its operation or its recovery is complete
    kills           \* how many there have been

bounds == <<complete, due, kills>>

\* What the consumer is asked for, one after the other.
Script == <<"acquire", "release", "acquire">>

Consumer == CHOOSE c \in Consumers : TRUE

-----------------------------------------------------------------------------

EqualInit ==
    /\ Init
    /\ complete = [p \in Processes |-> 0]
    /\ due = [p \in Processes |-> "nothing"]
    /\ kills = 0

Owes(p, what) == due' = [due EXCEPT ![p] = what]

\* An operation returns: a step of its own, as a process may be killed between its last access and that. No access.
Return(p) ==
    /\ due[p] = "return"
    /\ Owes(p, "nothing")
    /\ complete' = [complete EXCEPT ![p] = @ + 1]
    /\ UNCHANGED <<vars, kills>>

ProducerGoes ==
    /\ \/ BeginPublish /\ due[Producer] = "nothing" /\ complete[Producer] < Publishes /\ UNCHANGED due
       \/ Publish /\ Owes(Producer, "return")
       \/ pc[Producer] \notin {"idle", "publish"} /\ ProducerNext /\ UNCHANGED due
    /\ UNCHANGED <<complete, kills>>

\* Whether the consumer's next operation is this one, and nothing is due before it.
IsAsked(c, operation) ==
    /\ due[c] = "nothing"
    /\ complete[c] < Len(Script)
    /\ Script[complete[c] + 1] = operation

\* What is read is read after an acquire, or in a recovery.
ConsumerGoes(c) ==
    /\ \/ Recover(c) /\ Owes(c, IF pc'[c] = "verify" THEN "recovery" ELSE "nothing")
       \/ Abandon(c) /\ Owes(c, "newest")
       \/ Newest(c) /\ due[c] = "newest" /\ Owes(c, "nothing")
       \/ Observe(c) /\ IsAsked(c, "acquire") /\ Owes(c, IF latest.seq = 0 THEN "return" ELSE "acquire")
       \/ Announce(c) /\ UNCHANGED due
       \/ Recheck(c) /\ UNCHANGED due
       \/ Hold(c) /\ UNCHANGED due
       \/ Claim(c) /\ UNCHANGED due
       \/ CatchUp(c) /\ UNCHANGED due
       \/ Settle(c) /\ UNCHANGED due
       \/ Verify(c) /\ UNCHANGED due
       \/ Length(c) /\ UNCHANGED due
       \/ ReadFirst(c) /\ due[c] \in {"acquire", "recovery"} /\ UNCHANGED due
       \/ ReadSecond(c) /\ Owes(c, IF due[c] = "acquire" THEN "return" ELSE "nothing")
       \/ Release(c) /\ IsAsked(c, "release") /\ Owes(c, "return")
       \* A release where nothing is locked is no access.
       \/ pc[c] = "idle" /\ IsAsked(c, "release") /\ Owes(c, "return") /\ UNCHANGED vars
    /\ UNCHANGED <<complete, kills>>

Dying(p) ==
    /\ kills < Kills
    /\ kills' = kills + 1
    /\ Kill(p)
    /\ Owes(p, "nothing")
    /\ UNCHANGED complete

EqualNext ==
    \/ ProducerGoes
    \/ \E c \in Consumers : ConsumerGoes(c)
    \/ \E p \in Processes : Return(p) \/ Dying(p)

EqualSpec == EqualInit /\ [][EqualNext]_<<vars, bounds>>

-----------------------------------------------------------------------------

OfSlot(s) == <<slot[s].seq, IF slot[s].length = NoContent THEN 0 ELSE 16, slot[s].first, slot[s].second>>

\* The last slot.
Last == CHOOSE s \in Slots : \A t \in Slots : t <= s

State == <<
    <<latest.seq, latest.slot>>,
    <<lock[Consumer].tag, lock[Consumer].seq, lock[Consumer].slot>>,
    [n \in 1 .. Last + 1 |-> OfSlot(n - 1)],
    <<pc[Producer], pc[Consumer]>>,
    <<complete[Producer], complete[Consumer], kills>>
>>

\* An invariant is evaluated once for each distinct state.
Shown == PrintT(ToString(State))

==============================================================================
