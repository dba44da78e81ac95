"""python -m croco_np: the commands there are."""

COMMANDS = """\
python -m croco_np.train --dataset {aliccp,kuairand}   train a system and measure it
python -m croco_np.diagnostics RUN                     report on what a trained model learnt
python -m croco_np.gradcheck                           check every gradient
python -m croco_np.models                              list the systems, their sizes and costs
Each has --help."""

if __name__ == "__main__":
    print(COMMANDS)
