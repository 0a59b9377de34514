---------------------------- MODULE BrokenReady ----------------------------
(* Broken variants of single actions of Ready.tla. A configuration BrokenReady*.cfg puts one of them in the place of the
   action, and checking it must come to a violation: so each invariant and each property is shown to be able to fail. *)
EXTENDS MCReady

-----------------------------------------------------------------------------
(* The order of the writer's stores *)

(* The flag before the payload: Look goes on to Measure, Send to filling. What was sent is in `waiting`. *)
MeasureAtOnce(message) == "measure"
FillNow == "fill"

FilledLate(n) ==
    LET filled == writer.filled \cup {n}
    IN  IF filled = 1..Len(waiting[1])
        THEN /\ writer' = [writer EXCEPT !.filled = {}]
             /\ seen' = [seen EXCEPT !["writer"] = NoState]
             /\ Rest("writer")
        ELSE /\ writer' = [writer EXCEPT !.filled = filled]
             /\ Continue("writer", "fill")
             /\ UNCHANGED seen

FillFirstLate ==
    /\ pc["writer"] = "fill"
    /\ 1 \in (1..Len(waiting[1])) \ writer.filled
    /\ Fill("first", waiting[1][1])
    /\ FilledLate(1)
    /\ UNCHANGED <<state, reader, ghosts>>

FillSecondLate ==
    /\ pc["writer"] = "fill"
    /\ 2 \in (1..Len(waiting[1])) \ writer.filled
    /\ Fill("second", waiting[1][2])
    /\ FilledLate(2)
    /\ UNCHANGED <<state, reader, ghosts>>

(* The flag before the length. *)
SendUnmeasured == "send"
MeasureNow == "measure"

MeasureLate ==
    /\ pc["writer"] = "measure"
    /\ Store("length", Len(waiting[1]))
    /\ seen' = [seen EXCEPT !["writer"] = NoState]
    /\ Rest("writer")
    /\ UNCHANGED <<state, writer, reader, ghosts>>

(* The flag in a Relaxed store: it orders nothing, and a kill after it may undo what was stored before it. *)
SendRelaxed ==
    /\ pc["writer"] = "send"
    /\ state' = [number |-> Following(writer.last), set |-> TRUE]
    /\ writer' = [last |-> Following(writer.last), message |-> NoMessage, filled |-> {}]
    /\ waiting' = writer.message
    /\ Continue("writer", AfterSend)
    /\ seen' = IF AfterSend = "idle" THEN [seen EXCEPT !["writer"] = NoState] ELSE seen
    /\ UNCHANGED <<word, before, reader, taken>>

-----------------------------------------------------------------------------
(* Flags and numbers *)

(* The writer does not look at the flag. *)
LookAway ==
    /\ pc["writer"] = "idle"
    /\ \E message \in Messages :
          /\ writer' = [writer EXCEPT !.message = <<message>>, !.filled = {}]
          /\ Continue("writer", AfterLook(message))
    /\ seen' = [seen EXCEPT !["writer"] = <<state>>]
    /\ UNCHANGED <<shared, reader, ghosts>>

(* The writer looks again until the flag is clear. *)
LookUntilClear ==
    /\ pc["writer"] \in {"idle", "look"}
    /\ \/ /\ state.set
          /\ Continue("writer", "look")
          /\ UNCHANGED <<writer, seen>>
       \/ /\ ~state.set
          /\ \E message \in Messages :
                /\ writer' = [writer EXCEPT !.message = <<message>>, !.filled = {}]
                /\ Continue("writer", AfterLook(message))
          /\ seen' = [seen EXCEPT !["writer"] = <<state>>]
    /\ UNCHANGED <<shared, reader, ghosts>>

(* The flag is a boolean, and every message has the number of the one before. *)
SendWithoutNumber ==
    /\ pc["writer"] = "send"
    /\ state' = [number |-> writer.last, set |-> TRUE]
    /\ Order("writer")
    /\ writer' = [last |-> writer.last, message |-> NoMessage, filled |-> {}]
    /\ waiting' = writer.message
    /\ Continue("writer", AfterSend)
    /\ seen' = IF AfterSend = "idle" THEN [seen EXCEPT !["writer"] = NoState] ELSE seen
    /\ UNCHANGED <<word, reader, taken>>

(* The number is the process's own, and is lost with it: a restarted writer begins anew. *)
WriterBeginsAnew ==
    /\ pc["writer"] = "dead"
    /\ writer' = [writer EXCEPT !.last = 0]
    /\ Continue("writer", AfterWriterRecover)
    /\ UNCHANGED <<shared, reader, seen, ghosts>>

(* A restarted reader takes the message that waits for one that was consumed. *)
ReaderTakesForConsumed ==
    /\ pc["reader"] = "dead"
    /\ reader' = [reader EXCEPT !.consumed = state.number]
    /\ Continue("reader", AfterReaderRecover)
    /\ UNCHANGED <<shared, writer, seen, ghosts>>

(* And it clears the flag at once, as if that were what its predecessor had left undone. *)
ReaderClearsForPredecessor ==
    /\ pc["reader"] = "dead"
    /\ state' = [state EXCEPT !.set = FALSE]
    /\ reader' = [reader EXCEPT !.consumed = state.number]
    /\ Continue("reader", AfterReaderRecover)
    /\ UNCHANGED <<word, before, writer, seen, ghosts>>

(* The flag is cleared before the message is read. *)
ClearBeforeReading ==
    /\ pc["reader"] = "idle"
    /\ reader.current # NoMessage
    /\ state.set
    /\ state' = [state EXCEPT !.set = FALSE]
    /\ reader' = [reader EXCEPT !.consumed = state.number]
    /\ Order("reader")
    /\ taken' = <<>>
    /\ Rest("reader")
    /\ UNCHANGED <<word, writer, seen, waiting>>

(* The flag is never cleared. *)
ClearNothing ==
    /\ pc["reader"] = "idle"
    /\ taken # <<>>
    /\ reader' = [consumed |-> reader.current[1].number, current |-> NoMessage, copy |-> <<>>]
    /\ taken' = <<>>
    /\ Rest("reader")
    /\ UNCHANGED <<shared, writer, seen, waiting>>

(* A restarted writer waits until the reader has cleared. *)
RecoverWhenClear ==
    /\ pc["writer"] = "dead"
    /\ ~state.set
    /\ writer' = [writer EXCEPT !.last = state.number]
    /\ Continue("writer", AfterWriterRecover)
    /\ UNCHANGED <<shared, reader, seen, ghosts>>

-----------------------------------------------------------------------------
(* Sleeping and waking *)

WakeNobody(p, place) ==
    /\ pc[p] = place
    /\ seen' = [seen EXCEPT ![p] = NoState]
    /\ Rest(p)
    /\ UNCHANGED <<shared, writer, reader, ghosts>>

WakeNoReader == WakeNobody("writer", "wake_reader")
WakeNoWriter == WakeNobody("reader", "wake_writer")
WriterRecoverWakesNobody == WakeNobody("writer", "writer_recover_wake")
ReaderRecoverWakesNobody == WakeNobody("reader", "reader_recover_wake")

(* A sleeper leaves no note. *)
ReaderLeavesNoNote ==
    /\ pc["reader"] = "reader_doze"
    /\ Continue("reader", "reader_sleep")
    /\ UNCHANGED <<shared, writer, reader, seen, ghosts>>

WriterLeavesNoNote ==
    /\ pc["writer"] = "writer_doze"
    /\ Continue("writer", "writer_sleep")
    /\ UNCHANGED <<shared, writer, reader, seen, ghosts>>

(* The reader leaves its note when it has been to sleep. *)
ReaderLookThenSleep == LookToSleep("reader", TRUE, "reader_sleep")

ReaderSleepThenDoze ==
    /\ pc["reader"] = "reader_sleep"
    /\ \/ /\ <<state>> = seen["reader"]
          /\ GoTo("reader", "asleep")
       \/ /\ <<state>> # seen["reader"]
          /\ GoTo("reader", "reader_doze")
    /\ Order("reader")
    /\ Count("reader")
    /\ UNCHANGED <<state, word, writer, reader, seen, ghosts>>

ReaderDozeLast ==
    /\ pc["reader"] = "reader_doze"
    /\ Store("reader_wait", seen["reader"])
    /\ seen' = [seen EXCEPT !["reader"] = NoState]
    /\ Rest("reader")
    /\ UNCHANGED <<state, writer, reader, ghosts>>

(* The kernel does not compare. *)
FallAsleepWithoutComparing(p) ==
    /\ Order(p)
    /\ GoTo(p, "asleep")
    /\ Count(p)
    /\ UNCHANGED <<state, word, writer, reader, seen, ghosts>>

(* The writer does not look whether the reader sleeps. *)
RestAfterSend == "idle"
=============================================================================
