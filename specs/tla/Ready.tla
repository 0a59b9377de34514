------------------------------- MODULE Ready -------------------------------
(* `ready`: one message at a time behind a ready flag.

   The problem. A writer hands messages to a reader through shared memory, one at a time, behind a flag. Either may be
   killed at any instruction and started again. A boolean flag loses count: after a death nobody can tell which message
   it was about. So the word `state` holds the flag and the message's number:

       [number |-> 0, set |-> FALSE]   nothing sent yet
       [number |-> q, set |-> TRUE ]   message q is out       the reader leaves it: [q, FALSE]
       [number |-> q, set |-> FALSE]   message q was consumed   the writer leaves it: [q + 1, TRUE]

   Who waits for the other sleeps in the kernel, on the word `state`. Before that it notes in its *wait word* which
   state it sleeps on; who has changed the state looks at the other's wait word, and wakes it if it may be asleep.

   One action is one access to shared memory, or one call of the kernel, and bears the name of its site in the table
   `ready::site::SITES` of the code: site `ready.writer_doze` is the action WriterDoze. The payload is two words, so
   that a torn message shows: `ready.fill` is FillFirst and FillSecond, `ready.read` is ReadFirst and ReadSecond.
   Besides these there are Drop, which is no access, and Kill.

   Kill is enabled everywhere, and is not a prefix of program order. It is a signal handler that never returns: the
   compiler may have moved a plain or Relaxed store past others, down to the next Release store, read-modify-write or
   fence. So a kill may undo each store that none of these has ordered yet: `before` says what may be there instead.

   Numbers begin at 1 again after LastNumber, and the writer picks among Messages anew at every attempt. So there are
   finitely many states, and checking them all is checking any number of messages and of kills. *)
EXTENDS Naturals, Sequences

CONSTANTS
    Messages,       \* The messages that may be sent: sequences of at most two words, each word 2 or more.
    LastNumber,     \* The last sequence number before they begin at 1 again: 2^54 - 1 in the code.
    Genesis,        \* The number of the last message before the beginning, which was consumed; 0 if there was none.
    Sleepers        \* The processes that sleep; the others ask again instead. For those that do not sleep, their
                    \* wait words are not loaded, and where nobody sleeps nobody is woken: nothing would come of it.

VARIABLES
    state,      \* The word `state`: the flag, and the number of the last message that was sent.
    word,       \* The other words of shared memory, by name: see Words.
    before,     \* For each of these words the values that it may turn out to have instead, if its process is killed.
    pc,         \* For each process the name of its next action; or where it rests: "idle", "asleep", "dead".
    writer,     \* What the writer's code carries: see TypeOK.
    reader,     \* What the reader's code carries: see TypeOK.
    seen,       \* For each process the state that its operation goes on from, as <<state>>; <<>> if there is none.
    steps,      \* Ghost: how many accesses each process has made since its operation or its recovery began.
    waiting,    \* Ghost: the last message that was sent, as <<message>>; <<>> before the first.
    taken       \* Ghost: what the reader has received and not cleared yet, as <<[number, message]>>; or <<>>.

(* Variables that only some actions change, in groups. A ghost is there for the invariants; no action depends on it. *)
shared == <<state, word, before>>
ghosts == <<waiting, taken>>
vars == <<state, word, before, pc, writer, reader, seen, steps, waiting, taken>>

-----------------------------------------------------------------------------
(* Values *)

Processes == {"writer", "reader"}

(* The words of the payload, the length, and the two wait words. A wait word holds the state that its process last went
   to sleep on, as <<state>>, or <<>>: never. *)
Words == {"first", "second", "length", "writer_wait", "reader_wait"}

(* Who stores to a word. Both store to `state`, in turn. *)
WordsOf(p) == IF p = "writer" THEN {"first", "second", "length", "writer_wait"} ELSE {"reader_wait"}

(* What a word of the payload may hold whose copy was cut short: neither the old nor the new value. *)
Garbage == 1

Numbers == 0..LastNumber

Following(number) == IF number = LastNumber THEN 1 ELSE number + 1

(* 0 before the first, whether numbers have begun again or only now: the code does not tell these apart either. *)
Preceding(number) == number - 1

States == [number : Numbers, set : BOOLEAN] \ {[number |-> 0, set |-> TRUE]}

NoState == <<>>
NoMessage == <<>>

FirstWriter == [last |-> 0, message |-> NoMessage, filled |-> {}]
FirstReader == [consumed |-> 0, current |-> NoMessage, copy |-> <<>>]

-----------------------------------------------------------------------------
(* Steps that actions are made of *)

GoTo(p, place) == pc' = [pc EXCEPT ![p] = place]

(* One more access of the operation that goes on. *)
Count(p) == steps' = [steps EXCEPT ![p] = @ + 1]

(* The operation is over, the next begins to count anew. *)
Rest(p) == GoTo(p, "idle") /\ steps' = [steps EXCEPT ![p] = 0]

(* Goes on to `place`, or rests. *)
Continue(p, place) == IF place = "idle" THEN Rest(p) ELSE GoTo(p, place) /\ Count(p)

(* A plain or Relaxed store: a kill may undo it. *)
Store(name, value) ==
    /\ word' = [word EXCEPT ![name] = value]
    /\ before' = [before EXCEPT ![name] = @ \cup {word[name]}]

(* The same of a word of the payload: it may also be half done. *)
Fill(name, value) ==
    /\ word' = [word EXCEPT ![name] = value]
    /\ before' = [before EXCEPT ![name] = @ \cup {word[name], Garbage}]

(* A Release store or a fence: from now on what p has stored cannot be undone. *)
Order(p) == before' = [name \in Words |-> IF name \in WordsOf(p) THEN {} ELSE before[name]]

(* Somebody else has found what is in a word: it cannot be undone any more. *)
Find(name) == before' = [before EXCEPT ![name] = {}]

(* The kernel wakes p, if it sleeps, and `waker` goes on to rest. *)
Wake(waker, p) ==
    LET woken == IF pc[p] = "asleep" THEN {p} ELSE {}
        resting == woken \cup {waker}
    IN  /\ pc' = [q \in Processes |-> IF q \in resting THEN "idle" ELSE pc[q]]
        /\ steps' = [q \in Processes |-> IF q \in resting THEN 0 ELSE steps[q]]
        /\ seen' = [q \in Processes |-> IF q \in resting THEN NoState ELSE seen[q]]

(* Where a process goes on to; broken variants go elsewhere. *)
AfterLook(message) == IF Len(message) = 0 THEN "measure" ELSE "fill"
AfterFill == "measure"
AfterMeasure == "send"
AfterSend == IF "reader" \in Sleepers THEN "reader_asleep" ELSE "idle"
AfterClear == IF "writer" \in Sleepers THEN "writer_asleep" ELSE "idle"
AfterWriterRecover == IF Sleepers = {} THEN "idle" ELSE "writer_recover_wake"
AfterReaderRecover == IF Sleepers = {} THEN "idle" ELSE "reader_recover_wake"

-----------------------------------------------------------------------------
(* The writer takes up its role: Writer::recover *)

(* Loads `state`, for the number to go on from. A death leaves nothing. *)
WriterRecover ==
    /\ pc["writer"] = "dead"
    /\ writer' = [writer EXCEPT !.last = state.number]
    /\ Continue("writer", AfterWriterRecover)
    /\ UNCHANGED <<shared, reader, seen, ghosts>>

(* Wakes the reader: the predecessor may have died between Send and WakeReader. A death before it: the next wakes. *)
WriterRecoverWake ==
    /\ pc["writer"] = "writer_recover_wake"
    /\ Wake("writer", "reader")
    /\ UNCHANGED <<shared, writer, reader, ghosts>>

-----------------------------------------------------------------------------
(* The writer sends: Writer::try_send; or Writer::try_loan, Loan::write and Loan::send *)

(* Loads `state`. If the flag is set, the mailbox is full, and there is nothing to do. A death leaves nothing. *)
Look ==
    /\ pc["writer"] = "idle"
    /\ \/ /\ state.set
          /\ Rest("writer")
          /\ UNCHANGED <<writer, seen>>
       \/ /\ ~state.set
          /\ \E message \in Messages :
                /\ writer' = [writer EXCEPT !.message = <<message>>, !.filled = {}]
                /\ Continue("writer", AfterLook(message))
          /\ seen' = [seen EXCEPT !["writer"] = <<state>>]
    /\ UNCHANGED <<shared, reader, ghosts>>

(* Where the writer goes on to when it has written word n of the payload. Words are written in any order. *)
Filled(n) ==
    LET filled == writer.filled \cup {n}
    IN  /\ writer' = [writer EXCEPT !.filled = filled]
        /\ Continue("writer", IF filled = 1..Len(writer.message[1]) THEN AfterFill ELSE "fill")

(* Writes the first word of the message. A death leaves a word that nobody looks at: the flag is clear. *)
FillFirst ==
    /\ pc["writer"] = "fill"
    /\ 1 \in (1..Len(writer.message[1])) \ writer.filled
    /\ Fill("first", writer.message[1][1])
    /\ Filled(1)
    /\ UNCHANGED <<state, reader, seen, ghosts>>

(* Writes the second word of the message. A death leaves a word that nobody looks at: the flag is clear. *)
FillSecond ==
    /\ pc["writer"] = "fill"
    /\ 2 \in (1..Len(writer.message[1])) \ writer.filled
    /\ Fill("second", writer.message[1][2])
    /\ Filled(2)
    /\ UNCHANGED <<state, reader, seen, ghosts>>

(* No access: the loan is dropped, and the message is not sent. *)
Drop ==
    /\ pc["writer"] \in {"fill", "measure"}
    /\ writer' = [writer EXCEPT !.message = NoMessage, !.filled = {}]
    /\ seen' = [seen EXCEPT !["writer"] = NoState]
    /\ Rest("writer")
    /\ UNCHANGED <<shared, reader, ghosts>>

(* Stores the length. A death leaves a length that nobody looks at: the flag is clear. *)
Measure ==
    /\ pc["writer"] = "measure"
    /\ Store("length", Len(writer.message[1]))
    /\ Continue("writer", AfterMeasure)
    /\ UNCHANGED <<state, writer, reader, seen, ghosts>>

(* Sets the flag, with the next number: a Release store. A death before it: never sent. After it: the message is out. *)
Send ==
    /\ pc["writer"] = "send"
    /\ state' = [number |-> Following(writer.last), set |-> TRUE]
    /\ Order("writer")
    /\ writer' = [last |-> Following(writer.last), message |-> NoMessage, filled |-> {}]
    /\ waiting' = writer.message
    /\ Continue("writer", AfterSend)
    /\ seen' = IF AfterSend = "idle" THEN [seen EXCEPT !["writer"] = NoState] ELSE seen
    /\ UNCHANGED <<word, reader, taken>>

(* Loads the reader's wait word: does it sleep on the state of before? A death before or after it: the reader may sleep
   on, until the next writer's WriterRecoverWake. *)
ReaderAsleep ==
    /\ pc["writer"] = "reader_asleep"
    /\ Find("reader_wait")
    /\ \/ /\ word["reader_wait"] = seen["writer"]
          /\ Continue("writer", "wake_reader")
          /\ UNCHANGED seen
       \/ /\ word["reader_wait"] # seen["writer"]
          /\ Rest("writer")
          /\ seen' = [seen EXCEPT !["writer"] = NoState]
    /\ UNCHANGED <<state, word, writer, reader, ghosts>>

(* Wakes the reader. A death before it: the next writer wakes it. *)
WakeReader ==
    /\ pc["writer"] = "wake_reader"
    /\ Wake("writer", "reader")
    /\ UNCHANGED <<shared, writer, reader, ghosts>>

-----------------------------------------------------------------------------
(* The reader takes up its role: Reader::recover *)

(* Loads `state`, for the number to expect: what waits was not consumed. A death leaves nothing. *)
ReaderRecover ==
    /\ pc["reader"] = "dead"
    /\ reader' = [reader EXCEPT !.consumed = IF state.set THEN Preceding(state.number) ELSE state.number]
    /\ Continue("reader", AfterReaderRecover)
    /\ UNCHANGED <<shared, writer, seen, ghosts>>

(* Wakes the writer: the predecessor may have died between Clear and WakeWriter. A death before it: the next wakes. *)
ReaderRecoverWake ==
    /\ pc["reader"] = "reader_recover_wake"
    /\ Wake("reader", "writer")
    /\ UNCHANGED <<shared, writer, reader, ghosts>>

-----------------------------------------------------------------------------
(* The reader receives: Reader::try_receive and Reader::read. With a message in hand try_receive answers without an
   access, and the message may be read again. *)

(* The reader has all words of the message in hand. *)
Take(message) == taken' = <<[number |-> reader.current[1].number, message |-> message]>>

(* Loads `state`. If the flag is clear, there is no message. A death leaves nothing. *)
Receive ==
    /\ pc["reader"] = "idle"
    /\ reader.current = NoMessage
    /\ \/ /\ ~state.set
          /\ Rest("reader")
          /\ UNCHANGED seen
       \/ /\ state.set
          /\ Continue("reader", "length")
          /\ seen' = [seen EXCEPT !["reader"] = <<state>>]
    /\ UNCHANGED <<shared, writer, reader, ghosts>>

(* Loads the length. An empty message is received with this. A death leaves nothing: the message comes again. *)
Length ==
    /\ pc["reader"] = "length"
    /\ LET number == seen["reader"][1].number
       IN  /\ reader' = [reader EXCEPT !.current = <<[number |-> number, length |-> word["length"]]>>]
           /\ taken' = IF word["length"] = 0 THEN <<[number |-> number, message |-> <<>>]>> ELSE <<>>
    /\ seen' = [seen EXCEPT !["reader"] = NoState]
    /\ Rest("reader")
    /\ UNCHANGED <<shared, writer, waiting>>

(* Reads the first word of the payload, if the message has one. A death leaves nothing: the message comes again. *)
ReadFirst ==
    /\ pc["reader"] = "idle"
    /\ reader.current # NoMessage
    /\ \/ /\ reader.current[1].length = 1
          /\ Take(<<word["first"]>>)
          /\ Rest("reader")
          /\ UNCHANGED reader
       \/ /\ reader.current[1].length = 2
          /\ reader' = [reader EXCEPT !.copy = <<word["first"]>>]
          /\ Continue("reader", "read_second")
          /\ UNCHANGED taken
    /\ UNCHANGED <<shared, writer, seen, waiting>>

(* Reads the second word of the payload. A death leaves nothing: the message comes again. *)
ReadSecond ==
    /\ pc["reader"] = "read_second"
    /\ Take(Append(reader.copy, word["second"]))
    /\ reader' = [reader EXCEPT !.copy = <<>>]
    /\ Rest("reader")
    /\ UNCHANGED <<shared, writer, seen, waiting>>

-----------------------------------------------------------------------------
(* The reader clears: Reader::clear, once it has read the message *)

(* Clears the flag: a Release store. A death before it: the message comes again. After it: it was consumed. *)
Clear ==
    /\ pc["reader"] = "idle"
    /\ taken # <<>>
    /\ LET number == reader.current[1].number
       IN  /\ state' = [number |-> number, set |-> FALSE]
           /\ reader' = [consumed |-> number, current |-> NoMessage, copy |-> <<>>]
           /\ seen' = IF AfterClear = "idle" THEN seen
                      ELSE [seen EXCEPT !["reader"] = <<[number |-> number, set |-> TRUE]>>]
    /\ Order("reader")
    /\ taken' = <<>>
    /\ Continue("reader", AfterClear)
    /\ UNCHANGED <<word, writer, waiting>>

(* Loads the writer's wait word: does it sleep on the state of before? A death before or after it: the writer may sleep
   on, until the next reader's ReaderRecoverWake. *)
WriterAsleep ==
    /\ pc["reader"] = "writer_asleep"
    /\ Find("writer_wait")
    /\ \/ /\ word["writer_wait"] = seen["reader"]
          /\ Continue("reader", "wake_writer")
          /\ UNCHANGED seen
       \/ /\ word["writer_wait"] # seen["reader"]
          /\ Rest("reader")
          /\ seen' = [seen EXCEPT !["reader"] = NoState]
    /\ UNCHANGED <<state, word, writer, reader, ghosts>>

(* Wakes the writer. A death before it: the next reader wakes it. *)
WakeWriter ==
    /\ pc["reader"] = "wake_writer"
    /\ Wake("reader", "writer")
    /\ UNCHANGED <<shared, writer, reader, ghosts>>

-----------------------------------------------------------------------------
(* Sleeping: Writer::sleep until the flag is clear, Reader::sleep until it is set. No sleep here ends by itself: what is
   shown of being woken does not lean on timeouts. *)

(* Goes on from the state that was found, unless the flag is as wanted. *)
LookToSleep(p, wanted, place) ==
    /\ pc[p] = "idle"
    /\ p \in Sleepers
    /\ \/ /\ state.set = wanted
          /\ Rest(p)
          /\ UNCHANGED seen
       \/ /\ state.set # wanted
          /\ Continue(p, place)
          /\ seen' = [seen EXCEPT ![p] = <<state>>]
    /\ UNCHANGED <<shared, writer, reader, ghosts>>

(* A fence; then the kernel compares the word with what p went to sleep on, and puts it to sleep, all in one. *)
FallAsleep(p) ==
    /\ Order(p)
    /\ \/ /\ <<state>> = seen[p]
          /\ GoTo(p, "asleep")
          /\ Count(p)
          /\ UNCHANGED seen
       \/ /\ <<state>> # seen[p]
          /\ Rest(p)
          /\ seen' = [seen EXCEPT ![p] = NoState]
    /\ UNCHANGED <<state, word, writer, reader, ghosts>>

(* The writer loads `state`. A death leaves nothing. *)
WriterLook == LookToSleep("writer", FALSE, "writer_doze")

(* The writer notes what it sleeps on. A death leaves a note, or none: at worst somebody is woken for nothing. *)
WriterDoze ==
    /\ pc["writer"] = "writer_doze"
    /\ Store("writer_wait", seen["writer"])
    /\ Continue("writer", "writer_sleep")
    /\ UNCHANGED <<state, writer, reader, seen, ghosts>>

(* The writer sleeps on `state`. A death leaves the note. *)
WriterSleep == pc["writer"] = "writer_sleep" /\ FallAsleep("writer")

(* The reader loads `state`. A message in hand is one that waits: the flag is still set. A death leaves nothing. *)
ReaderLook == LookToSleep("reader", TRUE, "reader_doze")

(* The reader notes what it sleeps on. A death leaves a note, or none: at worst somebody is woken for nothing. *)
ReaderDoze ==
    /\ pc["reader"] = "reader_doze"
    /\ Store("reader_wait", seen["reader"])
    /\ Continue("reader", "reader_sleep")
    /\ UNCHANGED <<state, writer, reader, seen, ghosts>>

(* The reader sleeps on `state`. A death leaves the note. *)
ReaderSleep == pc["reader"] = "reader_sleep" /\ FallAsleep("reader")

-----------------------------------------------------------------------------
(* Deaths *)

(* What a word may hold after the death of who stores to it. *)
Left(p, name) == IF name \in WordsOf(p) THEN {word[name]} \cup before[name] ELSE {word[name]}

(* Process p is killed, wherever it is. What its code carried is gone. Each store that was not ordered is lost or not,
   by itself. *)
Kill(p) ==
    /\ pc[p] # "dead"
    /\ \E first \in Left(p, "first"), second \in Left(p, "second"), length \in Left(p, "length"),
          writer_wait \in Left(p, "writer_wait"), reader_wait \in Left(p, "reader_wait") :
            word' = [word EXCEPT !["first"] = first, !["second"] = second, !["length"] = length,
                                 !["writer_wait"] = writer_wait, !["reader_wait"] = reader_wait]
    /\ Order(p)
    /\ GoTo(p, "dead")
    /\ steps' = [steps EXCEPT ![p] = 0]
    /\ seen' = [seen EXCEPT ![p] = NoState]
    /\ writer' = IF p = "writer" THEN FirstWriter ELSE writer
    /\ reader' = IF p = "reader" THEN FirstReader ELSE reader
    /\ taken' = IF p = "reader" THEN <<>> ELSE taken
    /\ UNCHANGED <<state, waiting>>

-----------------------------------------------------------------------------
(* All together *)

Init ==
    /\ state = [number |-> Genesis, set |-> FALSE]
    /\ word = [name \in Words |-> IF name \in {"first", "second", "length"} THEN 0 ELSE <<>>]
    /\ before = [name \in Words |-> {}]
    /\ pc = [p \in Processes |-> "dead"]
    /\ writer = FirstWriter
    /\ reader = FirstReader
    /\ seen = [p \in Processes |-> NoState]
    /\ steps = [p \in Processes |-> 0]
    /\ waiting = <<>>
    /\ taken = <<>>

(* What the writer begins of its own accord, and what follows of it. *)
WriterBegins ==
    \/ Look
    \/ WriterLook

WriterContinues ==
    \/ WriterRecover
    \/ WriterRecoverWake
    \/ FillFirst
    \/ FillSecond
    \/ Measure
    \/ Send
    \/ ReaderAsleep
    \/ WakeReader
    \/ WriterDoze
    \/ WriterSleep

(* The same of the reader. *)
ReaderBegins ==
    \/ Receive
    \/ ReadFirst
    \/ Clear
    \/ ReaderLook

ReaderContinues ==
    \/ ReaderRecover
    \/ ReaderRecoverWake
    \/ Length
    \/ ReadSecond
    \/ WriterAsleep
    \/ WakeWriter
    \/ ReaderDoze
    \/ ReaderSleep

Next ==
    \/ WriterBegins
    \/ WriterContinues
    \/ Drop
    \/ ReaderBegins
    \/ ReaderContinues
    \/ \E p \in Processes : Kill(p)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* Invariants *)

WriterPlaces ==
    {"idle", "asleep", "dead", "writer_recover_wake", "fill", "measure", "send", "reader_asleep", "wake_reader",
     "writer_doze", "writer_sleep"}
ReaderPlaces ==
    {"idle", "asleep", "dead", "reader_recover_wake", "length", "read_second", "writer_asleep", "wake_writer",
     "reader_doze", "reader_sleep"}

PayloadWords == {0, Garbage} \cup UNION {{message[n] : n \in 1..Len(message)} : message \in Messages}
Lengths == 0..2
WaitWords == {<<>>} \cup {<<s>> : s \in States}

TypeOK ==
    /\ state \in States
    /\ DOMAIN word = Words
    /\ word["first"] \in PayloadWords
    /\ word["second"] \in PayloadWords
    /\ word["length"] \in Lengths
    /\ word["writer_wait"] \in WaitWords
    /\ word["reader_wait"] \in WaitWords
    /\ DOMAIN before = Words
    /\ before["first"] \subseteq PayloadWords
    /\ before["second"] \subseteq PayloadWords
    /\ before["length"] \subseteq Lengths
    /\ before["writer_wait"] \subseteq WaitWords
    /\ before["reader_wait"] \subseteq WaitWords
    /\ pc["writer"] \in WriterPlaces
    /\ pc["reader"] \in ReaderPlaces
    \* `last`: the last message sent. `message`: what it sends, as <<message>>. `filled`: which words of it are written.
    /\ writer.last \in Numbers
    /\ writer.message \in {NoMessage} \cup {<<message>> : message \in Messages}
    /\ writer.filled \in SUBSET (1..2)
    \* `consumed`: the last message consumed. `current`: the message in hand. `copy`: what it has read of it so far.
    /\ reader.consumed \in Numbers
    /\ reader.current \in {NoMessage} \cup {<<[number |-> n, length |-> l]>> : n \in Numbers, l \in Lengths}
    /\ reader.copy \in {<<>>} \cup {<<value>> : value \in PayloadWords}
    /\ seen["writer"] \in WaitWords
    /\ seen["reader"] \in WaitWords
    /\ steps["writer"] \in 0..7
    /\ steps["reader"] \in 0..3
    /\ waiting \in {<<>>} \cup {<<message>> : message \in Messages}
    /\ taken = <<>> \/ taken[1].number \in Numbers

(* Length and payload are written only while the flag is clear, and read only while it is set. *)
Inv1WrittenWhileClearReadWhileSet ==
    /\ pc["writer"] \in {"fill", "measure"} => ~state.set
    /\ pc["reader"] \in {"length", "read_second"} => state.set
    /\ reader.current # NoMessage => state.set

(* While the flag is set, length and payload are one whole message. *)
Inv2AWholeMessageWaits ==
    state.set =>
        /\ waiting # <<>>
        /\ word["length"] = Len(waiting[1])
        /\ Len(waiting[1]) >= 1 => word["first"] = waiting[1][1]
        /\ Len(waiting[1]) >= 2 => word["second"] = waiting[1][2]

(* The reader receives 1, 2, 3, ... without a gap. The same message comes twice only if the reader was killed between
   receiving and clearing it, and then it has the same number. (Of what comes twice more is said by Refines.) *)
Inv3TheNextNumberIsTheOneExpected ==
    /\ pc["reader"] # "dead" =>
        IF state.set THEN state.number = Following(reader.consumed) ELSE state.number = reader.consumed
    /\ reader.current # NoMessage => reader.current[1].number = state.number

(* The writer, restarted too, knows which of its messages took effect. *)
TheWriterKnowsTheLastNumber == pc["writer"] # "dead" => writer.last = state.number

(* A process that sleeps although the state has changed is woken: by the process that changed it, or, if that one died
   in between, by the next that takes up its role. *)
Inv4WhoSleepsIsWoken ==
    /\ pc["reader"] = "asleep" /\ <<state>> # seen["reader"] =>
        \/ pc["writer"] = "reader_asleep" /\ word["reader_wait"] = seen["writer"]
        \/ pc["writer"] \in {"wake_reader", "dead", "writer_recover_wake"}
    /\ pc["writer"] = "asleep" /\ <<state>> # seen["writer"] =>
        \/ pc["reader"] = "writer_asleep" /\ word["writer_wait"] = seen["reader"]
        \/ pc["reader"] \in {"wake_writer", "dead", "reader_recover_wake"}

(* How many accesses, words of the payload and calls of the kernel an operation has at most, by where its process is:
   recover 1 and a wake; try_send 4, two words and a wake; sleep 2 and a sleep; try_receive 2; read two words; clear 2
   and a wake. *)
MostSteps(p) ==
    CASE pc[p] \in {"idle", "dead"} -> 0
      [] pc[p] \in {"writer_recover_wake", "reader_recover_wake"} -> 2
      [] pc[p] \in {"look", "fill", "measure", "send", "reader_asleep", "wake_reader"} -> 7
      [] pc[p] \in {"writer_doze", "writer_sleep", "reader_doze", "reader_sleep", "asleep"} -> 3
      [] pc[p] \in {"length", "read_second"} -> 2
      [] pc[p] \in {"writer_asleep", "wake_writer"} -> 3

(* Each operation, recovery included, ends in a bounded number of its own steps whatever the other process does. A
   process that is within an operation has at least one step before it, but for one that sleeps, which has made its
   last. *)
WaitFree ==
    \A p \in Processes :
        IF pc[p] \in {"idle", "dead", "asleep"} THEN steps[p] <= MostSteps(p) ELSE steps[p] < MostSteps(p)

-----------------------------------------------------------------------------
(* The promise *)

Promise ==
    INSTANCE Mailbox WITH
        number <- state.number,
        waiting <- IF state.set THEN waiting ELSE <<>>,
        sending <- writer.message,
        last <- IF pc["writer"] = "dead" THEN <<>> ELSE <<writer.last>>,
        alive <- pc["reader"] # "dead"

(* Every step of this module is a step of the promise, or none. *)
Refines == Promise!Init /\ [][Promise!Next]_(Promise!vars)
=============================================================================
