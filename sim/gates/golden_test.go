package gates

import (
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// TestGatesGolden prints one line for each gate and release, releases together: a new release is a block of new lines.
func TestGatesGolden(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Every gate in every release that knows it. \"!\" is locked.\n")
	for _, r := range Releases() {
		b.WriteString("\n")
		for i := range table {
			g := &table[i]
			spec := g.Spec(r)
			if spec.Stage == Unknown {
				continue
			}
			value := "off"
			if spec.Default {
				value = "on"
			}
			if spec.Locked {
				value += "!"
			}
			line := fmt.Sprintf("%s  %-39s  %-10s  %-3s", r.Line(), g.Name, spec.Stage, value)
			if needs := g.NeedsIn(r); len(needs) > 0 {
				line += "  needs " + strings.Join(needs, ", ")
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	golden.Want(t, *rewrite, "gates.txt", b.String())
}

// TestBehavioursGolden prints the oldest release in full, then what every later patch release, release and gate changes:
// a new release is one more paragraph.
func TestBehavioursGolden(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What the oldest release does, then what each patch release and release changes against the one before, and each\n" +
		"# gate against the default. What changes nothing has no paragraph.\n\n")
	before := Release{Oldest().Minor, 0}
	fmt.Fprintf(&b, "%s\n", before)
	for _, row := range rowsOf(t, before.String()) {
		fmt.Fprintf(&b, "  %s %s: %s\n", row.Part, row.Name, row.Value)
	}
	for _, newest := range Releases() {
		for patch := 0; patch <= newest.Patch; patch++ {
			r := Release{newest.Minor, patch}
			changes(t, &b, before.String(), r.String())
			before = r
		}
		for i := range table {
			for _, sign := range []string{"+", "-"} {
				target := newest.String() + sign + table[i].Name
				if _, err := ParseTargets(target); err == nil {
					changes(t, &b, newest.String(), target)
				}
			}
		}
	}
	golden.Want(t, *rewrite, "behaviours.txt", b.String())
}

func rowsOf(t *testing.T, target string) []Behaviour {
	t.Helper()
	r := resolve(t, target)
	return r.Behaviours()
}

func changes(t *testing.T, b *strings.Builder, from, to string) {
	t.Helper()
	title := fmt.Sprintf("\n%s, unlike %s\n", to, from)
	old, rows := rowsOf(t, from), rowsOf(t, to)
	for i, row := range rows {
		if row != old[i] {
			fmt.Fprintf(b, "%s  %s %s: %s, was %s\n", title, row.Part, row.Name, row.Value, old[i].Value)
			title = ""
		}
	}
}

func resolve(t *testing.T, target string) Resolved {
	t.Helper()
	targets, err := ParseTargets(target)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Resolve(targets[0])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEveryBehaviourIsShown changes each field of a resolved target in turn: exactly one row of the table must change.
func TestEveryBehaviourIsShown(t *testing.T) {
	r := Resolved{}
	zero := r.Behaviours()
	for _, part := range []any{&r.API, &r.Scheduler, &r.Job, &r.Kubelet} {
		value := reflect.ValueOf(part).Elem()
		for i := range value.NumField() {
			name := value.Type().Field(i).Name
			if name == "Release" {
				continue
			}
			field := value.Field(i)
			switch field.Kind() {
			case reflect.Bool:
				field.SetBool(true)
			case reflect.Uint8:
				field.SetUint(1)
			case reflect.Int64:
				field.SetInt(1e9)
			case reflect.String:
				field.SetString("Reason")
			default:
				t.Fatalf("%T.%s: a %s; teach this test to change it", part, name, field.Kind())
			}
			changed := 0
			for j, row := range r.Behaviours() {
				if row != zero[j] {
					changed++
				}
			}
			if changed != 1 {
				t.Errorf("%T.%s changes %d rows of Behaviours, want 1", part, name, changed)
			}
			field.SetZero()
		}
	}
	names := map[string]bool{}
	for _, row := range zero {
		if names[row.Part+row.Name] {
			t.Errorf("two rows are called %q", row.Part+" "+row.Name)
		}
		names[row.Part+row.Name] = true
	}
}
