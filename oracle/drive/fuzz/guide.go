//go:build branches

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// candidates is how many Pods each Pod is chosen from.
const candidates = 8

// guide chooses the Pods that reach what was compared the least. An outcome is one way of one branch of the simulator: the
// way w of the branch b is number 2b+w, where the first way is true or entered and the second false.
type guide struct {
	chosen   []uint32     // how many of the Pods that were chosen reach an outcome
	compared []uint32     // how many of those that were found equal do
	wanted   map[int]bool // the outcomes for whose sake a Pod is kept
}

// newGuide reads what is wanted from a file, if one is named.
func newGuide(file string) (*guide, error) {
	n := 2 * len(sim.Branches())
	g := &guide{chosen: make([]uint32, n), compared: make([]uint32, n), wanted: map[int]bool{}}
	if file == "" {
		return g, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	numbers := map[string]int{}
	for i, b := range sim.Branches() {
		for way, name := range b.Outcomes() {
			numbers[name] = 2*i + way
		}
	}
	for line := range strings.Lines(string(text)) {
		o, known := numbers[strings.TrimSuffix(line, "\n")]
		if !known {
			return nil, fmt.Errorf("%s: the simulator has no branch outcome %q; \"make branches\" writes the list anew", file, line)
		}
		g.wanted[o] = true
	}
	return g, nil
}

// reached returns the outcomes that a run reaches, in order.
func reached(run func() error) ([]int, error) {
	sim.ResetBranches()
	err := run()
	var list []int
	for b, ways := range sim.BranchCounts() {
		for way, count := range ways {
			if count > 0 {
				list = append(list, 2*b+way)
			}
		}
	}
	return list, err
}

// choose runs the candidates in the simulator and returns the position of the best. What was compared with the kubelet does not
// matter to it, so that a seed's Pods are the same whatever comes of them.
func (g *guide) choose(count int, run func(i int) error) (int, error) {
	best, most := 0, uint64(0)
	var outcomes []int
	for i := range count {
		list, err := reached(func() error { return run(i) })
		if err != nil {
			return 0, err
		}
		worth := uint64(0)
		for _, o := range list {
			worth += 1 << 40 >> min(g.chosen[o], 40) // one that is new is worth two that were met once
		}
		if i == 0 || worth > most {
			best, most, outcomes = i, worth, list
		}
	}
	for _, o := range outcomes {
		g.chosen[o]++
	}
	return best, nil
}

// count notes the outcomes of a run that was found equal to the kubelet's, and reports whether one of them was wanted. Each is wanted
// once.
func (g *guide) count(run func() error) (wanted bool, err error) {
	list, err := reached(run)
	for _, o := range list {
		g.compared[o]++
		wanted = wanted || g.wanted[o]
		delete(g.wanted, o)
	}
	return wanted, err
}

// report says how much was reached, and writes what was not to a file, if one is named.
func (g *guide) report(w io.Writer, file string) error {
	var missing bytes.Buffer
	total, met := 0, 0
	for i, b := range sim.Branches() {
		for way, name := range b.Outcomes() {
			total++
			if g.compared[2*i+way] > 0 {
				met++
				continue
			}
			fmt.Fprintln(&missing, name)
		}
	}
	fmt.Fprintf(w, "the Pods found equal reach %d of %d branch outcomes of the simulator (%.1f %%); at least five times: %d\n",
		met, total, 100*float64(met)/float64(total), len(slices.DeleteFunc(slices.Clone(g.compared), func(n uint32) bool { return n < 5 })))
	if file == "" {
		return nil
	}
	return os.WriteFile(file, missing.Bytes(), 0o644)
}
