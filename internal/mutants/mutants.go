package mutants

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Mutant is one rule of the simulator, changed.
type Mutant struct {
	// Rule is the rule in words, as it is without the change.
	Rule string `yaml:"rule"`
	// File is the file of package sim in which Was is replaced by Is.
	File string `yaml:"file"`
	Was  string `yaml:"was"`
	Is   string `yaml:"is"`
}

// ErrUnnoticed says that a test passes although a rule is changed.
var ErrUnnoticed = errors.New("nothing notices it")

// Read reads a list of mutants.
func Read(file string) ([]Mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []Mutant
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("reading the mutants of %s: %w", file, err)
	}
	return list, nil
}

// source is the file to change, by its absolute name, and its text. A change that cannot be made in one way is an error.
func (m *Mutant) source(sim string) (file, text string, err error) {
	if file, err = filepath.Abs(filepath.Join(sim, m.File)); err != nil {
		return "", "", err
	}
	source, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	if n := strings.Count(string(source), m.Was); n != 1 {
		return "", "", fmt.Errorf("%s: the text occurs %d times in %s, want once:\n%s", m.Rule, n, m.File, m.Was)
	}
	return file, string(source), nil
}

// Check reports whether the change can be made to the package in the directory sim.
func (m *Mutant) Check(sim string) error {
	_, _, err := m.source(sim)
	return err
}

// Noticed runs one test of the package in the working directory with the rule changed, and returns what it complains of: the first group of
// complaint. The directory sim is that of package sim; dir is for files. The error is ErrUnnoticed if the test passes, and another one if it
// fails without that complaint, because it does not compile for example.
func (m *Mutant) Noticed(dir, sim, test string, complaint *regexp.Regexp, flags ...string) (string, error) {
	file, source, err := m.source(sim)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, m.File)
	if err := os.WriteFile(changed, []byte(strings.Replace(source, m.Was, m.Is, 1)), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return "", err
	}
	args := append([]string{"test", "-vet=off", "-failfast", "-overlay", overlayFile, "-run", "^" + test + "$", "."}, flags...)
	out, err := exec.Command("go", args...).CombinedOutput()
	if err == nil {
		return "", ErrUnnoticed
	}
	if found := complaint.FindSubmatch(out); found != nil {
		return string(found[1]), nil
	}
	return "", fmt.Errorf("%s did not judge anything: %w\n%.2000s", test, err, out)
}
