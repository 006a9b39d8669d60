// Overlay writes the few changed files of the Go runtime that make a run of the
// oracle repeatable, and the JSON file that go build -overlay wants:
//
//	go run ./overlay DIRECTORY    # then: go build -overlay DIRECTORY/overlay.json
//
// Inside a synctest bubble three things are drawn at random by Go itself: the
// order of ready cases in a select, the order of timers that share an instant, and
// the order of a range over a map. Here they follow from a seed, the virtual time
// and, for the first two, a counter that begins anew with each instant. Nothing else
// may enter: what earlier bubbles of the process left in caches changes how often a
// map is made or walked. With seed 0 timers of one instant fire in the order in which
// they were armed.
//
// In strict mode, which the process that runs the bubbles switches on, no goroutine
// is preempted and none loses its processor while it is in a system call, so real
// time cannot reorder anything.
//
// The files are made from the installed Go; nothing of it is kept in the project.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// change replaces one text, which must occur exactly once, in one file of Go's source.
type change struct {
	file, was, is string
}

var changes = []change{
	{"runtime/time.go", "t.rand = cheaprand()", "t.rand = oracleTimerRank()"},
	{"runtime/select.go", "j := cheaprandn(uint32(norder + 1))", "j := oracleSelect(uint32(norder + 1))"},
	// The compiler calls rand for maps on the stack, package maps calls maps_rand for all others.
	{"runtime/rand.go", "func rand() uint64 {\n", "func rand() uint64 {\n\tif getg().bubble != nil {\n\t\treturn oracleMix(oracleSeed)\n\t}\n"},
	{"runtime/rand.go", "func maps_rand() uint64 {\n\treturn rand()\n}", "func maps_rand() uint64 {\n\treturn 0x9e3779b97f4a7c15\n}\n" + source},
	{"runtime/alg.go", "hashkey[i] = uintptr(bootstrapRand())", "hashkey[i] = uintptr(0x9e3779b97f4a7c15 * uint64(i+1))"},
	{"runtime/alg.go", "key[i] = bootstrapRand()", "key[i] = 0x9e3779b97f4a7c15 * uint64(i+1)"},
	{"runtime/proc.go", "func retake(now int64) uint32 {\n\tn := 0\n", "func retake(now int64) uint32 {\n\tif oracleStrict {\n\t\treturn 0\n\t}\n\tn := 0\n"},
	{"internal/runtime/maps/runtime.go", "func rand() uint64\n", "func rand() uint64\n\n//go:linkname oracleWalk\nfunc oracleWalk() uint64\n"},
	{"internal/runtime/maps/table.go", "it.entryOffset = rand()", "it.entryOffset = oracleWalk()"},
	{"internal/runtime/maps/table.go", "it.dirOffset = rand()", "it.dirOffset = oracleWalk()"},
}

// source is where the orders come from. The mixing function is that of splitmix64.
const source = `
var (
	oracleSeed   uint64
	oracleStrict bool
	oracleDrawn  struct {
		now   int64
		count uint64
	}
	oracleArmed uint32
)

//go:nosplit
func oracleMix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func oracleDraw(now int64) uint64 {
	if oracleDrawn.now != now {
		oracleDrawn.now, oracleDrawn.count = now, 0
	}
	oracleDrawn.count++
	return oracleMix(oracleMix(oracleSeed^uint64(now)) + oracleDrawn.count)
}

func oracleTimerRank() uint32 {
	if b := getg().bubble; b != nil && oracleSeed != 0 {
		return uint32(oracleDraw(b.now))
	}
	oracleArmed++
	return oracleArmed
}

func oracleSelect(n uint32) uint32 {
	b := getg().bubble
	if b == nil {
		return cheaprandn(n)
	}
	return uint32((uint64(uint32(oracleDraw(b.now))) * uint64(n)) >> 32)
}

//go:linkname oracleWalk internal/runtime/maps.oracleWalk
func oracleWalk() uint64 {
	b := getg().bubble
	if b == nil {
		return rand()
	}
	return oracleMix(oracleSeed ^ uint64(b.now))
}
`

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: overlay DIRECTORY")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("finding GOROOT: %w", err)
	}
	source := filepath.Join(strings.TrimSpace(string(out)), "src")
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}

	replace := map[string]string{} // encoding/json sorts the keys
	for _, c := range changes {
		original := filepath.Join(source, c.file)
		changed := filepath.Join(dir, strings.ReplaceAll(c.file, "/", "_"))
		from := original
		if replace[original] != "" {
			from = changed
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return fmt.Errorf("reading the runtime: %w", err)
		}
		if n := strings.Count(string(text), c.was); n != 1 {
			return fmt.Errorf("%s: %q occurs %d times, not once: this Go release is not known", c.file, c.was, n)
		}
		text = []byte(strings.Replace(string(text), c.was, c.is, 1))
		if err := os.WriteFile(changed, text, 0o644); err != nil {
			return err
		}
		replace[original] = changed
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), append(text, '\n'), 0o644)
}
