------------------------------ MODULE Mailbox ------------------------------
(* The promise of `ready`.

   One writer hands messages to one reader through a mailbox that holds one message. Either of them may be killed at
   any moment and started again. What is promised all the same:

   - Messages are received whole, in the order in which they were sent, and none is lost.
   - Each is received at least once. The same message comes again only if the reader was killed after it had received
     and before it had cleared it, and then it bears the same number.
   - A send that the writer was killed in has taken effect before the kill, or never will. The writer's successor
     knows which.

   Nothing is said here of words, flags and sleeping: how the promise is kept is the matter of Ready.tla, every step
   of which is either one of the actions below or changes nothing here.

   For readers new to TLA+: a behaviour is a sequence of states, a state gives each variable a value. `Init` says which
   states are first, `Next` which may follow: x' is the value of x in the next state. *)
EXTENDS Naturals, Sequences

CONSTANTS
    Messages,       \* The messages that may be sent.
    LastNumber,     \* Numbers go from 1 to this one, and begin at 1 again.
    Genesis         \* The number of the last message before the beginning; 0 if there was none.

VARIABLES
    number,     \* The number of the last message sent.
    waiting,    \* The message in the mailbox, as <<message>>; <<>> if the mailbox is empty.
    sending,    \* The message that the writer is about to send, as <<message>>; <<>> if it is not sending.
    last,       \* What the writer knows to be the last message sent, as <<number>>; <<>> if it is dead.
    alive,      \* Whether there is a reader.
    taken       \* What the reader has received and not cleared yet, as <<[number, message]>>; <<>> if nothing.

vars == <<number, waiting, sending, last, alive, taken>>

(* The number after n. *)
Following(n) == IF n = LastNumber THEN 1 ELSE n + 1

Init ==
    /\ number = Genesis
    /\ waiting = <<>>
    /\ sending = <<>>
    /\ last = <<>>
    /\ alive = FALSE
    /\ taken = <<>>

(* A writer begins for the first time, or after its predecessor's death, and knows how far its predecessor came. *)
WriterRecover ==
    /\ last = <<>>
    /\ last' = <<number>>
    /\ number' = number /\ waiting' = waiting /\ sending' = sending /\ taken' = taken /\ alive' = alive

(* The writer begins to send a message. Nobody can see that. *)
BeginSend ==
    /\ last # <<>>
    /\ sending = <<>>
    /\ \E message \in Messages : sending' = <<message>>
    /\ number' = number /\ waiting' = waiting /\ last' = last /\ taken' = taken /\ alive' = alive

(* The writer thinks better of it. *)
GiveUp ==
    /\ sending # <<>>
    /\ sending' = <<>>
    /\ number' = number /\ waiting' = waiting /\ last' = last /\ taken' = taken /\ alive' = alive

(* The send takes effect. The mailbox is empty: no message is lost to make room for another. *)
Send ==
    /\ sending # <<>>
    /\ waiting = <<>>
    /\ waiting' = sending
    /\ sending' = <<>>
    /\ number' = Following(number)
    /\ last' = <<Following(number)>>
    /\ taken' = taken /\ alive' = alive

(* A reader begins for the first time, or after its predecessor's death. *)
ReaderRecover ==
    /\ ~alive
    /\ alive' = TRUE
    /\ number' = number /\ waiting' = waiting /\ sending' = sending /\ last' = last /\ taken' = taken

(* The reader receives the message that waits. The same comes again only to the successor of one that was killed. *)
Receive ==
    /\ alive
    /\ waiting # <<>>
    /\ taken = <<>>
    /\ taken' = <<[number |-> number, message |-> waiting[1]]>>
    /\ number' = number /\ waiting' = waiting /\ sending' = sending /\ last' = last /\ alive' = alive

(* The reader, which has received it, consumes the message. *)
Clear ==
    /\ taken # <<>>
    /\ taken' = <<>>
    /\ waiting' = <<>>
    /\ number' = number /\ sending' = sending /\ last' = last /\ alive' = alive

(* The writer is killed. What it was sending was not sent. *)
KillWriter ==
    /\ last' = <<>>
    /\ sending' = <<>>
    /\ number' = number /\ waiting' = waiting /\ taken' = taken /\ alive' = alive

(* The reader is killed. The message waits for its successor. *)
KillReader ==
    /\ alive' = FALSE
    /\ taken' = <<>>
    /\ number' = number /\ waiting' = waiting /\ sending' = sending /\ last' = last

Next ==
    \/ WriterRecover
    \/ BeginSend
    \/ GiveUp
    \/ Send
    \/ ReaderRecover
    \/ Receive
    \/ Clear
    \/ KillWriter
    \/ KillReader

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

Numbers == 0..LastNumber

TypeOK ==
    /\ number \in Numbers
    /\ waiting \in {<<>>} \cup {<<message>> : message \in Messages}
    /\ sending \in {<<>>} \cup {<<message>> : message \in Messages}
    /\ last \in {<<>>} \cup {<<n>> : n \in Numbers}
    /\ alive \in BOOLEAN
    /\ taken \in {<<>>} \cup {<<[number |-> n, message |-> m]>> : n \in Numbers, m \in Messages}

(* What the reader has taken is the message that was sent last, and bears its number. *)
WhatIsTakenIsWhatWaits == taken # <<>> => taken = <<[number |-> number, message |-> waiting[1]]>>

(* The writer knows which of its messages took effect. *)
TheWriterKnowsTheLastNumber == last # <<>> => last = <<number>>
=============================================================================
