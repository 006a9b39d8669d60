// Overlay writes the few changed files of the Go runtime that make a run of the
// oracle repeatable, and the JSON file that go build -overlay wants:
//
//	go run ./overlay DIRECTORY    # then: go build -overlay DIRECTORY/overlay.json
//
// Inside a synctest bubble three things are drawn at random by Go itself: the
// order of ready cases in a select, the order of timers that share an instant, and
// the order of a range over a map. All three draw from one seeded stream here; with
// seed 0 timers of one instant fire in the order in which they were armed. Code
// outside a bubble is not affected. In strict mode, which the process that runs the
// bubbles switches on, no goroutine is preempted and none loses its processor while
// it is in a system call, so real time cannot reorder anything.
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

// change replaces one text, which must occur exactly once, in one runtime file.
type change struct {
	file, was, is string
}

var changes = []change{
	{"time.go", "t.rand = cheaprand()", "t.rand = oracleTimerRank()"},
	{"select.go", "j := cheaprandn(uint32(norder + 1))", "j := oracleRandn(uint32(norder + 1))"},
	{"rand.go", "func maps_rand() uint64 {\n\treturn rand()\n}", "func maps_rand() uint64 {\n\treturn oracleMapRand()\n}\n" + stream},
	{"alg.go", "hashkey[i] = uintptr(bootstrapRand())", "hashkey[i] = uintptr(0x9e3779b97f4a7c15 * uint64(i+1))"},
	{"alg.go", "key[i] = bootstrapRand()", "key[i] = 0x9e3779b97f4a7c15 * uint64(i+1)"},
	{"proc.go", "func retake(now int64) uint32 {\n\tn := 0\n", "func retake(now int64) uint32 {\n\tif oracleStrict {\n\t\treturn 0\n\t}\n\tn := 0\n"},
}

// stream is the seeded source (splitmix64) and its three uses.
const stream = `
var (
	oracleSeed   uint64 // 0: timers of one instant in the order of arming
	oracleState  uint64
	oracleArmed  uint32
	oracleStrict bool
)

func oracleNext() uint64 {
	oracleState += 0x9e3779b97f4a7c15
	z := oracleState
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func oracleTimerRank() uint32 {
	if oracleSeed == 0 {
		oracleArmed++
		return oracleArmed
	}
	return uint32(oracleNext())
}

func oracleRandn(n uint32) uint32 {
	if getg().bubble == nil {
		return cheaprandn(n)
	}
	return uint32((uint64(uint32(oracleNext())) * uint64(n)) >> 32)
}

func oracleMapRand() uint64 {
	if getg().bubble == nil {
		return rand()
	}
	return oracleNext()
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
	runtime := filepath.Join(strings.TrimSpace(string(out)), "src", "runtime")
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}

	replace := map[string]string{} // encoding/json sorts the keys
	for _, c := range changes {
		original, changed := filepath.Join(runtime, c.file), filepath.Join(dir, c.file)
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
