------------------------------- MODULE Board -------------------------------
(* The promise of `status`.

   A writer shows its state to monitors on a board of words. It sets one word after the other, and may be killed at any
   moment and started again; monitors come and go. What is promised:

   1. What a monitor finds in a word is one value that was set on that word, whole.
   2. A monitor that has found a value finds, in every word, what had been set there before it, or later.

   And a restarted writer finds what its predecessor had set. Nothing else is promised across words: a board is not a
   snapshot, and a monitor may find a value that is no longer the newest.

   The values set are 1, 2, 3, ... in the order in which they are set, across all words: what a value stands for is of
   no account here. A word on which nothing was set holds 0.

   For readers new to TLA+: a behaviour is a sequence of states, a state gives each variable a value. `Init` says which
   states are first, `Next` which may follow: x' is the value of x in the next state. *)
EXTENDS Naturals, Sequences

CONSTANTS
    Words,      \* The words of the board.
    Monitors    \* The processes that read it.

VARIABLES
    log,        \* What was set so far: log[value] is the word on which the value was set.
    last,       \* What the writer knows to be the last value that was set, as <<value>>; <<>> if it is dead.
    found,      \* What each monitor found last, as <<word, value>>; <<>> if it has not looked yet.
    newest      \* The newest value that each monitor has found.

vars == <<log, last, found, newest>>

Max(a, b) == IF a > b THEN a ELSE b

(* The newest of the first n values that was set on the word; 0 if none was. *)
NewestOn(word, n) ==
    LET values == {0} \cup {value \in 1..n : log[value] = word}
    IN  CHOOSE value \in values : \A other \in values : other <= value

Init ==
    /\ log = <<>>
    /\ last = <<>>
    /\ found = [monitor \in Monitors |-> <<>>]
    /\ newest = [monitor \in Monitors |-> 0]

(* A writer begins for the first time, or after its predecessor's death, and knows what was set. *)
WriterRecover ==
    /\ last = <<>>
    /\ last' = <<Len(log)>>
    /\ log' = log /\ found' = found /\ newest' = newest

(* The writer sets a word to the next value. *)
Set(word) ==
    /\ last # <<>>
    /\ log' = Append(log, word)
    /\ last' = <<Len(log) + 1>>
    /\ found' = found /\ newest' = newest

(* A monitor reads a word. It finds what the word held at some moment, not before what it has found already was set. *)
Get(monitor, word) ==
    \E n \in newest[monitor]..Len(log) :
        /\ found' = [found EXCEPT ![monitor] = <<word, NewestOn(word, n)>>]
        /\ newest' = [newest EXCEPT ![monitor] = Max(newest[monitor], NewestOn(word, n))]
        /\ log' = log /\ last' = last

(* The writer is killed. What was set stays. *)
KillWriter ==
    /\ last' = <<>>
    /\ log' = log /\ found' = found /\ newest' = newest

(* A monitor is killed. Its successor has found nothing yet. *)
KillMonitor(monitor) ==
    /\ found' = [found EXCEPT ![monitor] = <<>>]
    /\ newest' = [newest EXCEPT ![monitor] = 0]
    /\ log' = log /\ last' = last

Next ==
    \/ WriterRecover
    \/ \E word \in Words : Set(word)
    \/ \E monitor \in Monitors, word \in Words : Get(monitor, word)
    \/ KillWriter
    \/ \E monitor \in Monitors : KillMonitor(monitor)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

Values == 0..Len(log)

TypeOK ==
    /\ \A value \in 1..Len(log) : log[value] \in Words
    /\ last \in {<<>>} \cup {<<value>> : value \in Values}
    /\ \A monitor \in Monitors : found[monitor] \in {<<>>} \cup {<<word, value>> : word \in Words, value \in Values}
    /\ \A monitor \in Monitors : newest[monitor] \in Values

(* What a monitor has found was set on the word in which it found it, or is what was there at first. *)
WhatIsFoundWasSetThere ==
    \A monitor \in Monitors :
        found[monitor] # <<>> /\ found[monitor][2] # 0 => log[found[monitor][2]] = found[monitor][1]

(* What a monitor finds in a word is never older than what was set there before something that it had found. *)
NothingOlderIsFound ==
    \A monitor \in Monitors :
        found[monitor] # <<>> => found[monitor][2] >= NewestOn(found[monitor][1], newest[monitor])

(* The writer knows what was set. *)
TheWriterKnowsTheLastValue == last # <<>> => last = <<Len(log)>>
=============================================================================
