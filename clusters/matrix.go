package clusters

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

//go:embed matrix.yaml
var matrixText []byte

// Cell is one cluster of the matrix.
type Cell struct {
	// Name ends the name of the cluster: lower case letters, digits, dots and dashes.
	Name   string
	Target gates.Target
	// Why says in a few words what the cluster is there for.
	Why string
}

// Matrix returns the clusters that scenarios run on, in the order of matrix.yaml.
func Matrix() []Cell {
	cells, err := parseMatrix(matrixText)
	if err != nil {
		panic(err) // the file is embedded, and a test reads it
	}
	return cells
}

var cellName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// parseMatrix reads the file. It reports all problems at once.
func parseMatrix(text []byte) ([]Cell, error) {
	var rows []struct{ Name, Target, Why string }
	if err := yaml.UnmarshalStrict(text, &rows); err != nil {
		return nil, fmt.Errorf("reading the matrix: %w", err)
	}
	var cells []Cell
	var problems []error
	seen := map[string]bool{}
	for _, row := range rows {
		targets, err := gates.ParseTargets(row.Target)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("cell %q: %w", row.Name, err))
			continue
		case len(targets) != 1:
			problems = append(problems, fmt.Errorf("cell %q: %q is %d targets, want one", row.Name, row.Target, len(targets)))
			continue
		case !cellName.MatchString(row.Name) || len(row.Name) > maxSlug:
			problems = append(problems, fmt.Errorf("cell %q: want at most %d lower case letters, digits, dots and dashes", row.Name, maxSlug))
		case seen[row.Name]:
			problems = append(problems, fmt.Errorf("cell %q is there twice", row.Name))
		case row.Why == "":
			problems = append(problems, fmt.Errorf("cell %q does not say why it is there", row.Name))
		}
		seen[row.Name] = true
		cells = append(cells, Cell{row.Name, targets[0], row.Why})
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return cells, nil
}

// Find reads what a user writes for clusters: names of cells, targets and lists of them, or "all" for the matrix. A name of
// a cell wins over a target that is written alike, which is the same cluster anyway.
func Find(list string) ([]gates.Target, error) {
	cells := Matrix()
	var found []gates.Target
	if list == "all" {
		for _, c := range cells {
			found = append(found, c.Target)
		}
		return found, nil
	}
	var problems []error
	for _, entry := range splitOutsideBraces(list) {
		entry = strings.TrimSpace(entry)
		if c := cellNamed(cells, entry); c != nil {
			found = append(found, c.Target)
			continue
		}
		targets, err := gates.ParseTargets(entry)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		found = append(found, targets...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return found, nil
}

func cellNamed(cells []Cell, name string) *Cell {
	for i := range cells {
		if cells[i].Name == name {
			return &cells[i]
		}
	}
	return nil
}

// splitOutsideBraces cuts a list at its commas, except those between braces.
func splitOutsideBraces(list string) []string {
	var parts []string
	depth, start := 0, 0
	for i, r := range list {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case r == ',' && depth == 0:
			parts = append(parts, list[start:i])
			start = i + 1
		}
	}
	return append(parts, list[start:])
}
