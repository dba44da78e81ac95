"""The lessons as a learner works in them: copies of their own, in JupyterLab, with a page of what is done.

copies      a copy of each lesson; what was worked in is never overwritten
ledger      which pages and pictures in the folder are ours, by checksum
lessons     the lessons of the repository: title, minutes, notebook
start       the page that JupyterLab opens with
drawing     the model, and which lesson teaches which part, as SVG
desk        the folder that JupyterLab takes for its root, so that all links work
lab         JupyterLab as a process that ends with ours
running     the JupyterLab that already runs for a folder
ending      a closed terminal, and a kill, end what was started
"""
