//go:build branches

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// candidates is how many Pods each Pod is chosen from.
const candidates = 8

// guide chooses the Pods that reach what was compared the least. An outcome is one way of one branch of the simulator: the
// way w of the branch b is number 2b+w, where the first way is true or entered and the second false.
type guide struct {
	chosen   []uint32 // how many of the Pods that were chosen reach an outcome
	compared []uint32 // how many of those that were found equal do
}

func newGuide() *guide {
	n := 2 * len(sim.Branches())
	return &guide{chosen: make([]uint32, n), compared: make([]uint32, n)}
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

// count notes the outcomes of a run that was found equal to the kubelet's.
func (g *guide) count(run func() error) error {
	list, err := reached(run)
	for _, o := range list {
		g.compared[o]++
	}
	return err
}

// report says how much was reached, and writes what was not to a file, if one is named.
func (g *guide) report(w io.Writer, file string) error {
	var missing bytes.Buffer
	total, met := 0, 0
	for i, b := range sim.Branches() {
		ways := []string{"true", "false"}
		if !b.TwoWays() {
			ways = []string{"entered"}
		}
		for way, name := range ways {
			total++
			if g.compared[2*i+way] > 0 {
				met++
				continue
			}
			fmt.Fprintf(&missing, "%s:%d\t%s\t%s %s\t%s\n", b.File, b.Line, b.Function, b.Kind, b.Text, name)
		}
	}
	fmt.Fprintf(w, "the Pods found equal reach %d of %d branch outcomes of the simulator (%.1f %%); at least five times: %d\n",
		met, total, 100*float64(met)/float64(total), len(slices.DeleteFunc(slices.Clone(g.compared), func(n uint32) bool { return n < 5 })))
	if file == "" {
		return nil
	}
	return os.WriteFile(file, missing.Bytes(), 0o644)
}
