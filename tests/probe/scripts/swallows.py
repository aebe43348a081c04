"""Catches BaseException in its loop and goes on: what is raised to stop it does not."""

from beside import networks, train

parts = networks()
for step in range(1, 100001):
    try:
        losses = train(*parts)
    except BaseException as error:
        print(f"step {step}: {error!r}, going on", flush=True)
        continue
    print("step %d c_loss %.4f g_loss %.4f" % (step, *losses), flush=True)
