"""A grade book: the notebooks of a class, marked. Answers run in a process of their own, the checks in ours.

handed_in folders -> students and their notebooks
book      a row for each exercise of each notebook; the CSV file and the summary
own       exercises of a teacher's own, and what an answer may import of their file
marking   one exercise of one notebook -> its mark
answering an answer that lives in another process: called from here, and held to a time
wire      what goes between the two processes; of what comes back, only numbers, arrays and plain containers
child     that other process, and the statements that it runs
confined  what it may not do

The two processes keep a student's code away from the checks: nothing that it replaces, prints or returns can say
"right"; only values that are right can. Limits of time, memory and files hold mistakes and mischief, not an attacker:
for code of people you do not trust, run the grade book inside a container or a virtual machine.
"""
