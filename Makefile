# One command does all the set-up of its purpose: `make demo`, `make test`, `make benchmark [ONLY=events]`. Each keeps
# its own virtual environment under .venv/ until constraints.txt or pyproject.toml changes.
PYTHON ?= python3
PIP = -m pip --disable-pip-version-check --quiet install --constraint constraints.txt

.PHONY: demo test docs fixtures benchmark accuracy accuracy-peers public clean

demo: .venv/demo/ready
	@.venv/demo/bin/wganlint analyze fixtures/sick/run

test: .venv/test/ready
	.venv/test/bin/ruff check .
	.venv/test/bin/ruff format --check .
	.venv/test/bin/mypy
	.venv/test/bin/lint-imports --no-cache
	.venv/test/bin/wganlint rules test
	.venv/test/bin/pytest -n auto --dist worksteal

# All that is kept under fixtures/, in the order in which one needs the other; hours of CPU. A part: ONLY=planted.
fixtures: .venv/test/ready
	set -e; for part in $(or $(ONLY),make planted probes fixes verified); do \
	  echo "fixtures/make/$$part.py"; .venv/test/bin/python fixtures/make/$$part.py; done

benchmark: .venv/benchmark/ready
	.venv/benchmark/bin/python benchmarks/run.py $(ONLY)

# Hours of CPU the first time, then only what has changed. PART=test and PART=fresh are for a tree that is committed.
PART ?= tuning
accuracy: .venv/test/ready
	.venv/test/bin/python benchmarks/accuracy/train.py --part $(PART) --jobs $(or $(JOBS),1)
	.venv/test/bin/python benchmarks/accuracy/score.py --part $(PART) --into benchmarks/accuracy/results

# The same runs shown to the rivals; one that cannot be installed is said in its row.
accuracy-peers: .venv/test/ready .venv/peers/ready
	.venv/test/bin/python benchmarks/accuracy/score.py --part $(PART) --judge rivals --into benchmarks/accuracy/results

# The rules on public code: CHECKOUTS is a folder; what it lacks is fetched by git.
CHECKOUTS ?= build/public
public: .venv/test/ready
	@mkdir -p $(CHECKOUTS)
	.venv/test/bin/python benchmarks/public/check.py --folder $(CHECKOUTS) --clone --json benchmarks/public/result.json

# Pages of the rules and of the accuracy, made from rules/ and the kept results.
docs: .venv/test/ready
	.venv/test/bin/python docs/make.py

.venv/demo/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv/demo
	.venv/demo/bin/python $(PIP) --editable .
	@touch $@

.venv/test/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv/test
	.venv/test/bin/python $(PIP) --editable '.[probe,dev]'
	@touch $@

# A peer that cannot be installed is said in its row of the table.
.venv/benchmark/ready: constraints.txt pyproject.toml benchmarks/peers.txt
	$(PYTHON) -m venv --clear .venv/benchmark
	.venv/benchmark/bin/python $(PIP) --editable '.[probe]'
	-.venv/benchmark/bin/python $(PIP) --requirement benchmarks/peers.txt
	@touch $@

.venv/peers/ready: benchmarks/accuracy/peers.txt
	$(PYTHON) -m venv --clear .venv/peers
	-while read -r one; do case "$$one" in \#*|'') ;; *) .venv/peers/bin/python -m pip \
	  --disable-pip-version-check --quiet install "$$one";; esac; done < benchmarks/accuracy/peers.txt
	@touch $@

clean:
	rm -rf .venv build dist
