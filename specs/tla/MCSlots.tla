------------------------------- MODULE MCSlots -------------------------------
(*
Bounds for the model checker: at most so many messages and so many kills. A bound cuts behaviours off; within it, all of
them are looked at.
*)
EXTENDS Slots, TLC

CONSTANTS
    Publishes,      \* at most so many messages
    Kills           \* at most so many kills

VARIABLE kills      \* how many there have been

MCInit == Init /\ kills = 0

WithinBounds == newest.seq < Publishes

MCNext ==
    \/ /\ \/ ProducerNext /\ (pc'[Producer] = "scan" => WithinBounds)
          \/ \E c \in Consumers : ConsumerNext(c)
          \/ \E o \in Observers : ObserverNext(o)
       /\ UNCHANGED kills
    \/ /\ kills < Kills
       /\ kills' = kills + 1
       /\ \E p \in Processes : Kill(p)

MCSpec == MCInit /\ [][MCNext]_<<vars, kills>>

MCSlotsOf(consumers) == 0 .. Cardinality(consumers) + 1
AllSlots == MCSlotsOf(Consumers)
OneSlotTooFew == 0 .. Cardinality(Consumers)

Symmetry == Permutations(Consumers)

==============================================================================
