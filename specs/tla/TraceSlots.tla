------------------------------ MODULE TraceSlots ------------------------------
(*
Accepts an execution of the real code only as a behaviour of Slots.tla.

The simulator runs the protocol's shipped source and says what every access did. Each access is an *event*: who did it
(`by`), which action it is (`action`), which word it was done to (`on`), what it found there (`found`) and what it
stored (`stored`). TraceData, which is written for each run, has the events and the traces made of them.

A behaviour of this module is one trace: it begins where Slots begins, and each step is one action of Slots, the one
that the next event names, done by the process that the event names, which found in the memory of Slots what the event
says was found, and stored there what the event says was stored. There are no other steps. So a trace comes to its end
only if Slots has a behaviour with exactly these events; then its number is printed. Where Slots leaves something open
(what a kill undoes), any way to go on will do.

TraceData defines
    Events      \* the different events: records [by, action, on, found, stored]
    Traces      \* sequences of numbers of events
    Stop        \* the position at which Stops is to stop, or 0
*)
EXTENDS Slots, Sequences, TLC, TraceData

VARIABLES
    trace,      \* the number of the trace
    position    \* how many of its events are done, and one

-----------------------------------------------------------------------------
\* Words and values as events have them

None == <<"none", 0, 0>>
OfStamp(stamp) == <<"stamp", stamp.seq, stamp.slot>>
\* Lock words and wait words: their tags differ.
OfTagged(word) == <<word.tag, word.seq, word.slot>>
OfNumber(number) == <<"number", number, 0>>
\* Every message of a trace has 16 bytes, two words. Which attempt's length it is, does not show.
OfLength(content) == IF content = NoContent THEN <<"bytes", 0, 0>> ELSE <<"bytes", 16, 0>>
OfFirst(content) == <<"first", content[1], content[2]>>
OfSecond(content) == <<"second", content[1], content[2]>>

Nowhere == <<"none", 0>>
Latest == <<"latest", 0>>
LockOf(c) == <<"lock", c>>
WaitOf(c) == <<"wait", c>>
SequenceOf(s) == <<"sequence", s>>
LengthOf(s) == <<"length", s>>
FirstOf(s) == <<"first", s>>
SecondOf(s) == <<"second", s>>

-----------------------------------------------------------------------------
\* Events

Event == Events[Traces[trace][position]]

\* The next event is this action, of one of these processes.
Is(action, processes) == Event.action = action /\ Event.by \in processes

Found(place, value) == Event.on = place /\ Event.found = value /\ Event.stored = None
Stored(place, value) == Event.on = place /\ Event.found = None /\ Event.stored = value
Exchanged(place, value, stored) == Event.on = place /\ Event.found = value /\ Event.stored = stored
Did(place) == Event.on = place /\ Event.found = None /\ Event.stored = None

TheProducer == {Producer}

ProducerTakes ==
    \/ Is("Resume", TheProducer) /\ Resume /\ Found(Latest, OfStamp(latest))
    \/ Is("ResumeWake", TheProducer) /\ ResumeWake /\ Did(Latest)
    \/ Is("BeginPublish", TheProducer) /\ BeginPublish /\ Did(Nowhere)
    \/ Is("Scan", TheProducer) /\ \E c \in Consumers : Scan(c) /\ Found(LockOf(c), OfTagged(lock[c]))
    \/ Is("Help", TheProducer) /\ \E c \in Consumers :
        Help(c) /\ Exchanged(LockOf(c), OfTagged(lock[c]), IF lock[c] = Claimed THEN OfTagged(lock'[c]) ELSE None)
    \/ Is("Rescan", TheProducer) /\ \E c \in Consumers : Rescan(c) /\ Found(LockOf(c), OfTagged(lock[c]))
    \/ Is("Retire", TheProducer) /\ Retire /\ Stored(SequenceOf(loan'), OfNumber(slot'[loan'].seq))
    \/ Is("RetireFence", TheProducer) /\ RetireFence /\ Did(Nowhere)
    \/ Is("FillFirst", TheProducer) /\ FillFirst /\ Stored(FirstOf(loan), OfFirst(slot'[loan].first))
    \/ Is("FillSecond", TheProducer) /\ FillSecond /\ Stored(SecondOf(loan), OfSecond(slot'[loan].second))
    \/ Is("Measure", TheProducer) /\ Measure /\ Stored(LengthOf(loan), OfLength(slot'[loan].length))
    \/ Is("Seal", TheProducer) /\ Seal /\ Stored(SequenceOf(loan), OfNumber(slot'[loan].seq))
    \/ Is("Publish", TheProducer) /\ Publish /\ Stored(Latest, OfStamp(latest'))
    \/ Is("Sleepers", TheProducer) /\ \E c \in Sleeping : Sleepers(c) /\ Found(WaitOf(c), OfTagged(wait[c]))
    \/ Is("Wake", TheProducer) /\ Wake /\ Did(Latest)
    \/ Is("RereadSequence", TheProducer) /\ RereadSequence
        /\ Found(SequenceOf(newest.slot), OfNumber(slot[newest.slot].seq))
    \/ Is("RereadLength", TheProducer) /\ RereadLength
        /\ Found(LengthOf(newest.slot), OfLength(slot[newest.slot].length))
    \/ Is("RereadFirst", TheProducer) /\ RereadFirst /\ Found(FirstOf(newest.slot), OfFirst(slot[newest.slot].first))
    \/ Is("RereadSecond", TheProducer) /\ RereadSecond
        /\ Found(SecondOf(newest.slot), OfSecond(slot[newest.slot].second))

ConsumerTakes(c) ==
    \/ Is("Recover", {c}) /\ Recover(c) /\ Found(LockOf(c), OfTagged(lock[c]))
    \/ Is("Abandon", {c}) /\ Abandon(c) /\ Stored(LockOf(c), OfTagged(lock'[c]))
    \/ Is("Observe", {c}) /\ Observe(c) /\ Found(Latest, OfStamp(latest))
    \/ Is("Announce", {c}) /\ Announce(c) /\ Stored(LockOf(c), OfTagged(lock'[c]))
    \/ Is("Recheck", {c}) /\ Recheck(c) /\ Found(Latest, OfStamp(latest))
    \/ Is("Hold", {c}) /\ Hold(c) /\ Stored(LockOf(c), OfTagged(lock'[c]))
    \/ Is("Claim", {c}) /\ Claim(c) /\ Stored(LockOf(c), OfTagged(lock'[c]))
    \/ Is("CatchUp", {c}) /\ CatchUp(c) /\ Found(Latest, OfStamp(latest))
    \/ Is("Settle", {c}) /\ Settle(c)
        /\ Exchanged(LockOf(c), OfTagged(lock[c]), IF lock[c] = Claimed THEN OfTagged(lock'[c]) ELSE None)
    \/ Is("Verify", {c}) /\ Verify(c) /\ Found(SequenceOf(at[c].slot), OfNumber(slot[at[c].slot].seq))
    \/ Is("Length", {c}) /\ Length(c) /\ Found(LengthOf(at[c].slot), OfLength(slot[at[c].slot].length))
    \/ Is("ReadFirst", {c}) /\ ReadFirst(c) /\ Found(FirstOf(at[c].slot), OfFirst(slot[at[c].slot].first))
    \/ Is("ReadSecond", {c}) /\ ReadSecond(c) /\ Found(SecondOf(at[c].slot), OfSecond(slot[at[c].slot].second))
    \/ Is("Release", {c}) /\ Release(c) /\ Stored(LockOf(c), OfTagged(lock'[c]))
    \/ Is("Newest", {c}) /\ Newest(c) /\ Found(Latest, OfStamp(latest))
    \/ Is("Look", {c}) /\ Look(c) /\ Found(Latest, OfStamp(latest))
    \/ Is("Doze", {c}) /\ Doze(c) /\ Stored(WaitOf(c), OfTagged(wait'[c]))
    \/ Is("Sleep", {c}) /\ Sleep(c) /\ Found(Latest, OfStamp(latest))

ObserverTakes(o) ==
    \/ Is("Peek", {o}) /\ Peek(o) /\ Found(Latest, OfStamp(latest))
    \/ Is("PeekLength", {o}) /\ PeekLength(o) /\ Found(LengthOf(at[o].slot), OfLength(slot[at[o].slot].length))
    \/ Is("PeekFirst", {o}) /\ PeekFirst(o) /\ Found(FirstOf(at[o].slot), OfFirst(slot[at[o].slot].first))
    \/ Is("PeekSecond", {o}) /\ PeekSecond(o) /\ Found(SecondOf(at[o].slot), OfSecond(slot[at[o].slot].second))
    \/ Is("PeekFence", {o}) /\ PeekFence(o) /\ Did(Nowhere)
    \/ Is("PeekVerify", {o}) /\ PeekVerify(o) /\ Found(SequenceOf(at[o].slot), OfNumber(slot[at[o].slot].seq))

KillTakes(p) == Is("Kill", {p}) /\ Kill(p) /\ Did(Nowhere)

-----------------------------------------------------------------------------
\* Traces

TraceInit ==
    /\ Init
    /\ trace \in DOMAIN Traces
    /\ position = 1

TraceNext ==
    /\ position <= Len(Traces[trace])
    /\ \/ ProducerTakes
       \/ \E c \in Consumers : ConsumerTakes(c)
       \/ \E o \in Observers : ObserverTakes(o)
       \/ \E p \in Processes : KillTakes(p)
    /\ position' = position + 1
    /\ UNCHANGED trace
    /\ position = Len(Traces[trace]) => PrintT(<<"accepted", trace>>)

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, trace, position>>

\* To look at the state in which a trace is not gone on with.
Stops == position # Stop

==============================================================================
