--------------------------- MODULE BrokenStatus ----------------------------
(* Broken variants of single actions of Status.tla. A configuration BrokenStatus*.cfg puts one of them in the place of
   the action, and checking it must come to a violation. *)
EXTENDS MCStatus

(* A value is stored in two halves, the high one first. *)
SetInHalves(word) ==
    /\ \/ /\ pc = "idle"
          /\ Len(log) < LastValue
          /\ buffer' = Append(buffer, <<word, <<last + 1, NewestOn(word, Len(log))>>>>)
          /\ pc' = "set"
          /\ last' = last + 1
          /\ log' = Append(log, word)
          /\ steps' = steps + 1
       \/ /\ pc = "set"
          /\ word = log[Len(log)]
          /\ buffer' = Append(buffer, <<word, Whole(last)>>)
          /\ pc' = "idle"
          /\ steps' = 0
          /\ UNCHANGED <<last, log>>
    /\ UNCHANGED <<memory, restored, found, newest>>

(* Stores reach memory in any order, as Relaxed ones may; only those to one word keep theirs. *)
FlushInAnyOrder ==
    /\ \E n \in 1..Len(buffer) :
          /\ \A earlier \in 1..(n - 1) : buffer[earlier][1] # buffer[n][1]
          /\ memory' = [memory EXCEPT ![buffer[n][1]] = buffer[n][2]]
          /\ buffer' = SubSeq(buffer, 1, n - 1) \o SubSeq(buffer, n + 1, Len(buffer))
    /\ UNCHANGED <<pc, last, restored, found, steps, log, newest>>

(* What the dead writer had stored never reaches memory, and its successor waits for that. *)
FlushWhileAlive ==
    /\ pc # "dead"
    /\ buffer # <<>>
    /\ memory' = [memory EXCEPT ![buffer[1][1]] = buffer[1][2]]
    /\ buffer' = Tail(buffer)
    /\ UNCHANGED <<pc, last, restored, found, steps, log, newest>>

(* A store goes to the word beside the one that was meant. *)
FlushElsewhere ==
    /\ buffer # <<>>
    /\ \E word \in Words : memory' = [memory EXCEPT ![word] = buffer[1][2]]
    /\ buffer' = Tail(buffer)
    /\ UNCHANGED <<pc, last, restored, found, steps, log, newest>>

(* A restarted writer begins anew. *)
RestoreNothing(word) ==
    /\ pc = "dead"
    /\ buffer = <<>>
    /\ pc' = "idle"
    /\ UNCHANGED <<memory, buffer, last, restored, found, steps, log, newest>>

(* A restarted writer reads words again and again before it has read them all. *)
RestoreAgain(word) ==
    /\ pc \in {"dead", "restore"}
    /\ buffer = <<>>
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

(* A writer that does not stop counting. *)
SetBeyond(word) ==
    /\ pc = "idle"
    /\ Len(log) < LastValue
    /\ buffer' = Append(buffer, <<word, Whole(last + 2)>>)
    /\ last' = last + 2
    /\ log' = Append(log, word)
    /\ UNCHANGED <<memory, pc, restored, found, steps, newest>>
=============================================================================
