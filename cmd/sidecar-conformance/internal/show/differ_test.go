package show

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// group reads "a=1 b=2": each event with its instant.
func group(text string) *Group {
	g := &Group{at: map[string]trace.Instant{}}
	for _, field := range strings.Fields(text) {
		var at int
		key, number, _ := strings.Cut(field, "=")
		fmt.Sscan(number, &at)
		g.keys = append(g.keys, key)
		g.at[key] = trace.Instant(at)
	}
	return g
}

func (d *difference) words() string {
	words := fmt.Sprintf("-%v +%v", d.missing, d.extra)
	for _, m := range d.moved {
		words += fmt.Sprintf(" %s before %v after %v;", m.key, m.before, m.after)
	}
	return words
}

func TestDiffer(t *testing.T) {
	tests := map[string]struct{ a, b, want string }{
		"equal":                     {"a=1 b=2", "a=5 b=7", "-[] +[]"},
		"missing and extra":         {"a=1 b=2", "a=1 c=2", "-[b] +[c]"},
		"moved back":                {"a=1 b=2 c=3", "b=2 c=3 a=4", "-[] +[] a before [b c] after [];"},
		"moved forth":               {"a=1 b=2 c=3", "c=1 a=2 b=3", "-[] +[] c before [] after [a b];"},
		"one instant in the first":  {"a=1 b=1", "b=1 a=2", "-[] +[]"},
		"one instant in the second": {"a=1 b=2", "b=2 a=2", "-[] +[]"},
		"passed only what differs":  {"a=1 b=1 c=2", "c=1 b=2 a=3", "-[] +[] c before [] after [b a];"},
		"two moved ones, said once": {"a=1 b=2 c=3 d=4", "c=1 d=2 b=3 a=4", "-[] +[] a before [b c d] after []; b before [c d] after [];"},
		"nothing in common":         {"a=1", "b=1", "-[a] +[b]"},
		"empty":                     {"", "a=1", "-[] +[a]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := differ(group(test.a), group(test.b))
			if got := d.words(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestMergeKeys(t *testing.T) {
	merged := mergeKeys([]Group{*group("a=1 c=2 e=3"), *group("a=1 b=2 c=3 d=4"), *group("x=1 e=2 f=3")})
	if got := strings.Join(merged, " "); got != "x a b c d e f" {
		t.Errorf("got %s", got)
	}
}

func TestAxis(t *testing.T) {
	second := trace.Instant(1e9)
	for _, width := range []int{10, 20, 62, 120} {
		var points []trace.Instant
		for i := range 40 {
			points = append(points, trace.Instant(i*i)*second/10)
		}
		a := newAxis(points, map[trace.Instant]int{0: 4}, width)
		last := -1
		for i, column := range a.columns {
			if column < last || column >= width {
				t.Errorf("width %d: point %d is in column %d, the one before in %d", width, i, column, last)
			}
			last = column
		}
	}
}
