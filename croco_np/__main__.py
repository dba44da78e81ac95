"""python -m croco_np: the commands there are."""

import sys

COMMANDS = """\
python -m croco_np.train --dataset {aliccp,kuairand}   train a system and measure it
python -m croco_np.diagnostics RUN                     report on what a trained model learnt
python -m croco_np.predict RUN                         click probabilities from a trained model
python -m croco_np.bench                               time a training step, phase by phase, and PyTorch's beside it
python -m croco_np.gradcheck                           check every gradient
python -m croco_np.models                              list the systems, their sizes and costs
python -m croco_np.site                                run the tutorials and build their pages
python -m croco_np.doctor                              say what slows training down on this machine, and what to change
Each has --help."""

if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] not in ("-h", "--help"):
        sys.exit(f"error: python -m croco_np {sys.argv[1]}: commands are modules, as in\n{COMMANDS}")
    print(COMMANDS)
