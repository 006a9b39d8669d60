package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// The benchmarks here are of whole processes, from start to exit.

// build makes the program as "make build" does.
func build(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "sidecar-conformance")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// runProcess runs the program once and returns its largest resident set, in MiB.
func runProcess(b *testing.B, in io.Reader, program string, args ...string) float64 {
	b.Helper()
	command := exec.Command(program, args...)
	command.Stdin = in
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Run(); err != nil {
		b.Fatalf("%v: %v\n%s", args, err, &stderr)
	}
	return float64(command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}

// BenchmarkStart is a process that has next to nothing to do.
func BenchmarkStart(b *testing.B) {
	program := build(b)
	for b.Loop() {
		runProcess(b, nil, program, "version")
	}
}

// BenchmarkAllReleases is simulate of one manifest for all releases.
func BenchmarkAllReleases(b *testing.B) {
	program := build(b)
	for b.Loop() {
		runProcess(b, nil, program, "simulate", "-f", filepath.Join("..", "..", "examples", "mesh-proxy.yaml"), "--delete-at", "60s", "--target", "all")
	}
}

// BenchmarkStream is simulate of manifests of 2 kB from one stream, one target; the memory must not grow with their number.
func BenchmarkStream(b *testing.B) { benchmarkStream(b, "simulate") }

// benchmarkStream runs a verb on manifests of 2 kB from one stream, and reports the peak of its memory.
func benchmarkStream(b *testing.B, verb string) {
	program := build(b)
	manifest, err := os.ReadFile(filepath.Join("..", "..", "fixtures", "testdata", "deployment.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	one := append([]byte("---\n"), manifest...)
	for _, c := range []struct {
		name   string
		number int
	}{{"1000", 1_000}, {"10000", 10_000}} {
		b.Run(c.name, func(b *testing.B) {
			peak := 0.0
			for b.Loop() {
				stream := &repeated{text: one, left: c.number}
				peak = max(peak, runProcess(b, stream, program, verb, "-f", "-", "--target", "1.34"))
			}
			b.ReportMetric(peak, "MiB-peak")
		})
	}
}

// repeated reads as a text written several times. The stream is not held in memory, because a process begins with the
// largest resident set of the one that starts it.
type repeated struct {
	text, rest []byte
	left       int
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// BenchmarkCheckStream is check of manifests of 2 kB from one stream, one target, all checks.
func BenchmarkCheckStream(b *testing.B) { benchmarkStream(b, "check") }
