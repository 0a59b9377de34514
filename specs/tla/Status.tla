------------------------------ MODULE Status ------------------------------
(* `status`: a board of words that a dead writer cannot spoil.

   The problem. A server shows its state to monitors that come and go. It must not pay for them, and may die at any
   instruction.

   The algorithm is one store for a value set, and one load for a value read. What matters is what the orderings mean. A
   Release store may be late: the processor keeps it in a buffer of the writer's, from which stores reach memory in the
   order in which they were made. An Acquire load is not made after the loads that follow it. So the writer's stores go
   through `buffer`, and Flush is the processor's doing; a monitor loads what is in memory.

   One action is one access to shared memory, and bears the name of its site in the table `status::site::SITES` of the
   code: site `status.set` is the action Set. Besides these there are Flush and Kill.

   Kill is enabled everywhere. Every store here is a Release store, which a kill does not undo once it is made: what is
   in the buffer reaches memory. The kernel gives the writer's role to a successor only after that.

   The values set are 1, 2, 3, ... in the order in which they are set, across all words; 0 is what is there at first. A
   word is modelled as two halves, so that a torn value shows. *)
EXTENDS Naturals, FiniteSets, Sequences

CONSTANTS
    Words,      \* The words of the board.
    Monitors,   \* The processes that read it, by name; none of them is called "writer".
    LastValue   \* A bound for checking: so many values are set at most.

VARIABLES
    memory,     \* The words, as <<high half, low half>>.
    buffer,     \* The writer's stores that have not reached memory, oldest first, as <<word, <<high, low>>>>.
    pc,         \* The name of the writer's next action, or where it rests: "idle", "dead". A monitor always rests.
    last,       \* What the writer carries: the newest value that it has set or found.
    restored,   \* What a writer that recovers carries: the words that it has read back.
    found,      \* What each monitor found last, as <<word, <<high, low>>>>; <<>> if it has not looked yet.
    steps,      \* Ghost: how many accesses the writer has made since its operation or its recovery began.
    log,        \* Ghost: what was set so far; log[value] is the word on which the value was set.
    newest      \* Ghost: the newest value that each monitor has found.

vars == <<memory, buffer, pc, last, restored, found, steps, log, newest>>

Processes == {"writer"} \cup Monitors

Max(a, b) == IF a > b THEN a ELSE b

(* A value in both halves; and back, where they are the same. *)
Whole(value) == <<value, value>>
IsWhole(halves) == halves[1] = halves[2]
ValueOf(halves) == halves[2]

(* The newest of the first n values that was set on the word; 0 if none was. *)
NewestOn(word, n) ==
    LET values == {0} \cup {value \in 1..n : log[value] = word}
    IN  CHOOSE value \in values : \A other \in values : other <= value

-----------------------------------------------------------------------------
(* The writer *)

(* Recovery loads a word, Writer::get, to go on from the newest value on the board. A death leaves nothing. *)
Restore(word) ==
    /\ pc \in {"dead", "restore"}
    /\ buffer = <<>>
    /\ word \notin restored
    /\ last' = Max(last, ValueOf(memory[word]))
    /\ \/ /\ restored \cup {word} = Words
          /\ restored' = {}
          /\ pc' = "idle"
          /\ steps' = 0
       \/ /\ restored \cup {word} # Words
          /\ restored' = restored \cup {word}
          /\ pc' = "restore"
          /\ steps' = steps + 1
    /\ UNCHANGED <<memory, buffer, found, log, newest>>

(* Stores the next value to a word, Writer::set: a Release store. A death before it: the old value stays. After it: the
   new one is out. *)
Set(word) ==
    /\ pc = "idle"
    /\ Len(log) < LastValue
    /\ buffer' = Append(buffer, <<word, Whole(last + 1)>>)
    /\ last' = last + 1
    /\ log' = Append(log, word)
    /\ UNCHANGED <<memory, pc, restored, found, steps, newest>>

(* The writer's oldest store reaches memory. *)
Flush ==
    /\ buffer # <<>>
    /\ memory' = [memory EXCEPT ![buffer[1][1]] = buffer[1][2]]
    /\ buffer' = Tail(buffer)
    /\ UNCHANGED <<pc, last, restored, found, steps, log, newest>>

-----------------------------------------------------------------------------
(* The monitors *)

(* Loads a word, Monitor::get. A death leaves nothing. *)
Get(monitor, word) ==
    /\ found' = [found EXCEPT ![monitor] = <<word, memory[word]>>]
    /\ newest' = [newest EXCEPT ![monitor] = Max(newest[monitor], ValueOf(memory[word]))]
    /\ UNCHANGED <<memory, buffer, pc, last, restored, steps, log>>

-----------------------------------------------------------------------------
(* Deaths *)

(* Process p is killed, wherever it is. What its code carried is gone, what it has stored stays. *)
Kill(p) ==
    /\ \/ /\ p = "writer"
          /\ pc # "dead"
          /\ pc' = "dead"
          /\ last' = 0
          /\ restored' = {}
          /\ steps' = 0
          /\ UNCHANGED <<found, newest>>
       \/ /\ p \in Monitors
          /\ found' = [found EXCEPT ![p] = <<>>]
          /\ newest' = [newest EXCEPT ![p] = 0]
          /\ UNCHANGED <<pc, last, restored, steps>>
    /\ UNCHANGED <<memory, buffer, log>>

-----------------------------------------------------------------------------
(* All together *)

Init ==
    /\ memory = [word \in Words |-> Whole(0)]
    /\ buffer = <<>>
    /\ pc = "dead"
    /\ last = 0
    /\ restored = {}
    /\ found = [monitor \in Monitors |-> <<>>]
    /\ steps = 0
    /\ log = <<>>
    /\ newest = [monitor \in Monitors |-> 0]

Next ==
    \/ \E word \in Words : Restore(word)
    \/ \E word \in Words : Set(word)
    \/ Flush
    \/ \E monitor \in Monitors, word \in Words : Get(monitor, word)
    \/ \E p \in Processes : Kill(p)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* Invariants *)

Values == 0..LastValue
Halves == {<<high, low>> : high \in Values, low \in Values}

TypeOK ==
    /\ DOMAIN memory = Words
    /\ \A word \in Words : memory[word] \in Halves
    /\ \A n \in 1..Len(buffer) : buffer[n][1] \in Words /\ buffer[n][2] \in Halves
    /\ pc \in {"dead", "restore", "idle"}
    /\ last \in Values
    /\ restored \in SUBSET Words
    /\ \A monitor \in Monitors :
          found[monitor] = <<>> \/ (found[monitor][1] \in Words /\ found[monitor][2] \in Halves)
    /\ steps \in 0..Cardinality(Words)
    /\ \A value \in 1..Len(log) : log[value] \in Words
    /\ \A monitor \in Monitors : newest[monitor] \in Values

(* Each word is one value that the writer set, whole. *)
Inv1EachWordIsOneValueThatWasSet ==
    \A word \in Words :
        /\ IsWhole(memory[word])
        /\ ValueOf(memory[word]) \in {0} \cup {value \in 1..Len(log) : log[value] = word}

(* A monitor that has read a value sees, in every word, what the writer had set there before, or later. *)
Inv2WhoHasReadAValueSeesWhatWasSetBefore ==
    \A monitor \in Monitors, word \in Words : ValueOf(memory[word]) >= NewestOn(word, newest[monitor])

(* A restarted writer finds what its predecessor had set. *)
TheWriterKnowsTheLastValue == pc = "idle" => last = Len(log)

(* Each operation ends in a bounded number of its own steps whatever the others do. Set and Get are one access, recovery
   is one for each word. Who is within an operation has at least one before it. *)
WaitFree ==
    CASE pc \in {"idle", "dead"} -> steps = 0
      [] pc = "restore" -> steps < Cardinality(Words)
      [] pc = "set" -> steps < 1

-----------------------------------------------------------------------------
(* The promise *)

(* A value that was never set. *)
Torn == LastValue + 1

Promise ==
    INSTANCE Board WITH
        last <- IF pc \in {"dead", "restore"} THEN <<>> ELSE <<last>>,
        found <- [monitor \in Monitors |->
                    IF found[monitor] = <<>> THEN <<>>
                    ELSE <<found[monitor][1],
                           IF IsWhole(found[monitor][2]) THEN ValueOf(found[monitor][2]) ELSE Torn>>]

(* Every step of this module is a step of the promise, or none. *)
Refines == Promise!Init /\ [][Promise!Next]_(Promise!vars)
=============================================================================
