------------------------------- MODULE MCSlots -------------------------------
(*
Bounds for the model checker: at most so many messages and so many kills. A bound cuts behaviours off; within it, all of
them are looked at.
*)
EXTENDS Slots, TLC

CONSTANTS
    Publishes,      \* at most so many messages
    Kills,          \* at most so many kills
    Rereads         \* whether the producer reads its last message back

VARIABLE kills      \* how many there have been

MCInit == Init /\ kills = 0

WithinBounds ==
    /\ pc'[Producer] = "scan" => newest.seq < Publishes
    /\ pc'[Producer] = "reread_length" => Rereads

MCNext ==
    \/ /\ \/ ProducerNext /\ WithinBounds
          \/ \E c \in Consumers : ConsumerNext(c)
          \/ \E o \in Observers : ObserverNext(o)
       /\ UNCHANGED kills
    \/ /\ kills < Kills
       /\ kills' = kills + 1
       /\ \E p \in Processes : Kill(p)

MCSpec == MCInit /\ [][MCNext]_<<vars, kills>>

\* As many slots as there have to be, and one less.
AllSlots == 0 .. Cardinality(Consumers) + 1
OneSlotTooFew == 0 .. Cardinality(Consumers)

\* Consumers may change places, where nothing orders them. For safety only.
Symmetry == Permutations(Consumers)

-----------------------------------------------------------------------------
(*
Liveness: what happens in the end, if a process that is in the middle of an operation goes on with it, and one that is
dead is started again. Nobody has to begin an operation, nor to publish; and there are finitely many kills.
*)
IsBusy(p) == pc[p] \notin Resting

Goes(p) == IsBusy(p) /\ IF p = Producer THEN ProducerNext ELSE ConsumerNext(p)

MCFairSpec == MCSpec /\ \A p \in Consumers \cup {Producer} : WF_vars(Goes(p))

\* A process that is dead is back in the end, and ready for an operation.
LiveRecoveryCompletes == \A p \in Consumers \cup {Producer} : pc[p] = "dead" ~> pc[p] \in Resting

\* An operation that has begun ends, or its process sleeps.
LiveOperationsComplete == \A p \in Consumers \cup {Producer} : IsBusy(p) ~> pc[p] \in Resting \cup {"asleep"}

\* A consumer that sleeps although there is a newer message wakes up.
LiveSleepersAreWoken == \A c \in Sleeping : pc[c] = "asleep" /\ latest # at[c] ~> pc[c] # "asleep"

==============================================================================
