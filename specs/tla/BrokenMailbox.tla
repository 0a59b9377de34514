--------------------------- MODULE BrokenMailbox ---------------------------
(* Broken variants of single actions of Mailbox.tla: each invariant of the promise is shown to be able to fail. *)
EXTENDS Mailbox

(* A message makes room for another. *)
SendOver ==
    /\ sending # <<>>
    /\ waiting' = sending
    /\ sending' = <<>>
    /\ number' = Following(number)
    /\ last' = <<Following(number)>>
    /\ taken' = taken /\ alive' = alive

(* Numbers do not begin again. *)
SendBeyond ==
    /\ sending # <<>>
    /\ waiting = <<>>
    /\ waiting' = sending
    /\ sending' = <<>>
    /\ number' = number + 1
    /\ last' = <<number + 1>>
    /\ taken' = taken /\ alive' = alive

(* A restarted writer begins anew. *)
BeginAnew ==
    /\ last = <<>>
    /\ last' = <<0>>
    /\ number' = number /\ waiting' = waiting /\ sending' = sending /\ taken' = taken /\ alive' = alive
=============================================================================
