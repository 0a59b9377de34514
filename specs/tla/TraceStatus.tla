------------------------------ MODULE TraceStatus -----------------------------
(* Accepts an execution of the real code only as a behaviour of Status.tla. How that is done is said in TraceSlots.tla.
   The simulator's memory is one with store buffers: that a buffer is flushed is an event, too.

   TraceData defines
       Events      \* the different events: records [by, action, on, found, stored]
       Traces      \* sequences of numbers of events
       Stop        \* the position at which Stops is to stop, or 0 *)
EXTENDS Status, TLC, TraceData

VARIABLES
    trace,      \* The number of the trace.
    position    \* How many of its events are done, and one.

-----------------------------------------------------------------------------
(* Words and values as events have them *)

None == <<"none", 0, 0>>
OfHalves(halves) == <<"halves", halves[1], halves[2]>>

Nowhere == <<"none", 0>>
InMemory(w) == <<"word", w>>
InBuffer(w) == <<"buffer", w>>

-----------------------------------------------------------------------------
(* Events *)

Event == Events[Traces[trace][position]]
By == IF Event.by = 0 THEN "writer" ELSE "monitor " \o ToString(Event.by)

(* The next event is this action, of this process. *)
Is(action, p) == Event.action = action /\ By = p

Found(place, value) == Event.on = place /\ Event.found = value /\ Event.stored = None
Stored(place, value) == Event.on = place /\ Event.found = None /\ Event.stored = value
Did(place) == Event.on = place /\ Event.found = None /\ Event.stored = None

WriterTakes ==
    \/ Is("Restore", "writer") /\ \E w \in Words : Restore(w) /\ Found(InMemory(w), OfHalves(memory[w]))
    \/ Is("Set", "writer") /\ \E w \in Words : Set(w) /\ Stored(InBuffer(w), OfHalves(buffer'[Len(buffer')][2]))
    \/ Is("Flush", "writer") /\ Flush /\ Stored(InMemory(buffer[1][1]), OfHalves(memory'[buffer[1][1]]))

MonitorTakes(m) ==
    Is("Get", m) /\ \E w \in Words : Get(m, w) /\ Found(InMemory(w), OfHalves(memory[w]))

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
       \/ \E m \in Monitors : MonitorTakes(m)
       \/ \E p \in Processes : KillTakes(p)
    /\ position' = position + 1
    /\ UNCHANGED trace
    /\ position = Len(Traces[trace]) => PrintT(<<"accepted", trace>>)

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, trace, position>>

(* To look at the state in which a trace is not gone on with. *)
Stops == position # Stop
===============================================================================
