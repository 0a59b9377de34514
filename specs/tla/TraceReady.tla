------------------------------ MODULE TraceReady ------------------------------
(* Accepts an execution of the real code only as a behaviour of Ready.tla. How that is done is said in TraceSlots.tla.

   TraceData defines
       Events      \* the different events: records [by, action, on, found, stored]
       Traces      \* sequences of numbers of events
       Stop        \* the position at which Stops is to stop, or 0
       Sent        \* the messages that the genuine executions send *)
EXTENDS Ready, TLC, TraceData

VARIABLES
    trace,      \* The number of the trace.
    position    \* How many of its events are done, and one.

TraceMessages == Sent

-----------------------------------------------------------------------------
(* Words and values as events have them *)

None == <<"none", 0, 0>>
Flag(set) == IF set THEN 1 ELSE 0
OfState(s) == <<"state", s.number, Flag(s.set)>>
OfWait(noted) == IF noted = <<>> THEN <<"never", 0, 0>> ELSE <<"asleep", noted[1].number, Flag(noted[1].set)>>
OfWord(name) == IF name \in {"writer_wait", "reader_wait"} THEN OfWait(word[name]) ELSE <<name, word[name], 0>>
OfWordAfter(name) == IF name \in {"writer_wait", "reader_wait"} THEN OfWait(word'[name]) ELSE <<name, word'[name], 0>>

Nowhere == <<"none", 0>>
State == <<"state", 0>>

-----------------------------------------------------------------------------
(* Events *)

Event == Events[Traces[trace][position]]
By == IF Event.by = 0 THEN "writer" ELSE "reader"

(* The next event is this action, of this process. *)
Is(action, p) == Event.action = action /\ By = p

FoundState == Event.on = State /\ Event.found = OfState(state) /\ Event.stored = None
StoredState == Event.on = State /\ Event.found = None /\ Event.stored = OfState(state')
Found(name) == Event.on = <<name, 0>> /\ Event.found = OfWord(name) /\ Event.stored = None
Stored(name) == Event.on = <<name, 0>> /\ Event.found = None /\ Event.stored = OfWordAfter(name)
Did(place) == Event.on = place /\ Event.found = None /\ Event.stored = None

WriterTakes ==
    \/ Is("WriterRecover", "writer") /\ WriterRecover /\ FoundState
    \/ Is("WriterRecoverWake", "writer") /\ WriterRecoverWake /\ Did(State)
    \/ Is("Look", "writer") /\ Look /\ FoundState
    \/ Is("FillFirst", "writer") /\ FillFirst /\ Stored("first")
    \/ Is("FillSecond", "writer") /\ FillSecond /\ Stored("second")
    \/ Is("Drop", "writer") /\ Drop /\ Did(Nowhere)
    \/ Is("Measure", "writer") /\ Measure /\ Stored("length")
    \/ Is("Send", "writer") /\ Send /\ StoredState
    \/ Is("ReaderAsleep", "writer") /\ ReaderAsleep /\ Found("reader_wait")
    \/ Is("WakeReader", "writer") /\ WakeReader /\ Did(State)
    \/ Is("WriterLook", "writer") /\ WriterLook /\ FoundState
    \/ Is("WriterDoze", "writer") /\ WriterDoze /\ Stored("writer_wait")
    \/ Is("WriterSleep", "writer") /\ WriterSleep /\ FoundState

ReaderTakes ==
    \/ Is("ReaderRecover", "reader") /\ ReaderRecover /\ FoundState
    \/ Is("ReaderRecoverWake", "reader") /\ ReaderRecoverWake /\ Did(State)
    \/ Is("Receive", "reader") /\ Receive /\ FoundState
    \/ Is("Length", "reader") /\ Length /\ Found("length")
    \/ Is("ReadFirst", "reader") /\ ReadFirst /\ Found("first")
    \/ Is("ReadSecond", "reader") /\ ReadSecond /\ Found("second")
    \/ Is("Clear", "reader") /\ Clear /\ StoredState
    \/ Is("WriterAsleep", "reader") /\ WriterAsleep /\ Found("writer_wait")
    \/ Is("WakeWriter", "reader") /\ WakeWriter /\ Did(State)
    \/ Is("ReaderLook", "reader") /\ ReaderLook /\ FoundState
    \/ Is("ReaderDoze", "reader") /\ ReaderDoze /\ Stored("reader_wait")
    \/ Is("ReaderSleep", "reader") /\ ReaderSleep /\ FoundState

KillTakes(p) == Is("Kill", p) /\ Kill(p) /\ Did(Nowhere)

-----------------------------------------------------------------------------
(* Traces *)

TraceInit ==
    /\ Init
    /\ trace \in DOMAIN Traces
    /\ position = 1

TraceNext ==
    /\ position <= Len(Traces[trace])
    /\ \/ WriterTakes
       \/ ReaderTakes
       \/ \E p \in Processes : KillTakes(p)
    /\ position' = position + 1
    /\ UNCHANGED trace
    /\ position = Len(Traces[trace]) => PrintT(<<"accepted", trace>>)

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, trace, position>>

(* To look at the state in which a trace is not gone on with. *)
Stops == position # Stop
===============================================================================
