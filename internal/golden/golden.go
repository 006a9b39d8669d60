package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Want compares text with a file below testdata, named with slashes, and ends the test at the first line that differs. With rewrite it
// writes the file instead.
func Want(t *testing.T, rewrite bool, name, got string) {
	t.Helper()
	File(t, rewrite, filepath.Join("testdata", filepath.FromSlash(name)), got)
}

// File is Want for a file that lies elsewhere, such as a page of the documentation.
func File(t *testing.T, rewrite bool, path, got string) {
	t.Helper()
	if rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(text), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s differs in line %d (go test -rewrite accepts)\ngot  %q\nwant %q", path, i+1, at(g, i), at(w, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "the end"
}
