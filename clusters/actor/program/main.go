//go:build linux

// Command program is the actor: it plays the script of one container of a Pod.
//
//	/actor                                     be the container's process
//	/actor probe startup|readiness|liveness    be an exec probe of it
//	/actor hook postStart|preStop              be an exec hook of it
//	/actor journal                             print the journal of all its runs
//
// It is the only file of its image, so it is everything that runs there, and the first process of its container. Its
// script is in the environment; the number of its runs and its journal are in a directory that outlives restarts. It
// refuses to guess: without a script or a directory it exits 70 and says why.
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	switch {
	case len(args) == 0:
		return live()
	case len(args) == 2 && args[0] == "probe" && slices.Contains(script.Probes(), script.Probe(args[1])):
		return execProbe(script.Probe(args[1]))
	case len(args) == 2 && args[0] == "hook" && slices.Contains(script.Hooks(), script.Hook(args[1])):
		return execHook(script.Hook(args[1]))
	case len(args) == 1 && args[0] == "journal":
		return printJournal()
	}
	fmt.Fprintf(os.Stderr, "unknown arguments %q: want none, probe startup|readiness|liveness, hook postStart|preStop, or journal\n", args)
	return script.ExitUsage
}

// broken says what the actor could not do.
func broken(err error) int {
	fmt.Fprintln(os.Stderr, "actor:", err)
	return script.ExitBroken
}
