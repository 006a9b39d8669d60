package rules

import "strings"

// Definition is a definition of custom resources, with what its schemas say about init containers.
type Definition struct {
	// Kind is that of the resources.
	Kind  string
	Lists []InitSchema
	// Preserves says that fields outside a schema stay, somewhere in it at least.
	Preserves bool
}

// InitSchema is a list of init containers in a schema.
type InitSchema struct {
	// Version is that of the schema, empty for one that holds for all; Field is the way to the list.
	Version, Field string
	At             Pointer
	// Lost are the fields that the entries of the list may not have, or do not keep.
	Lost []LostField
}

// LostField is a field of init containers that does not get through.
type LostField struct {
	Name string
	Fate Fate
}

// Fate is what becomes of a field.
type Fate uint8

// The fates.
const (
	Kept Fate = iota
	// Pruned: the API server drops it without a word.
	Pruned
	// Forbidden: the API server refuses the object.
	Forbidden
)

// InitFields returns the fields of init containers that sidecars need.
func InitFields() []string {
	return []string{"restartPolicy", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle"}
}

func cmp005(c *checking) {
	c.skip("it is about definitions of custom resources; check -f takes them too")
}

// JudgeDefinition decides CMP005 for a definition.
func JudgeDefinition(d *Definition) Outcome {
	c := apart("CMP005")
	for i := range d.Lists {
		l := &d.Lists[i]
		in := ""
		if l.Version != "" {
			in = " in version " + l.Version
		}
		for _, fate := range [...]struct {
			Fate
			does string
		}{{Pruned, "drops"}, {Forbidden, "refuses"}} {
			var fields []string
			for _, lost := range l.Lost {
				if lost.Fate == fate.Fate {
					fields = append(fields, lost.Name)
				}
			}
			if len(fields) == 0 {
				continue
			}
			short := l.Field
			if parts := strings.Split(short, "."); len(parts) > 3 {
				short = "…" + strings.Join(parts[len(parts)-3:], ".")
			}
			c.fail(l.At, "%s%s %s %s of %s", d.Kind, in, fate.does, fields[0], short).
				because("The fields %s of %s do not get through the schema%s.", and(fields), l.Field, in)
		}
	}
	switch {
	case len(d.Lists) > 0:
		c.pass("init containers of %s keep what makes them sidecars", d.Kind)
	case d.Preserves:
		c.pass("fields that the schemas of %s do not list stay", d.Kind)
	default:
		c.skip("%s has no init containers", d.Kind)
	}
	return c.outcome()
}

// apart is a rule at work on something that is no Pod.
func apart(id string) *checking {
	rule, _ := Find(id)
	return &checking{exam: &exam{target: &Target{}}, rule: rule, said: Answer{Asked: true}}
}

// outcome is what the static engine said.
func (c *checking) outcome() Outcome {
	o := Outcome{Rule: c.rule, Verdict: c.said.Verdict, Reason: c.said.Reason, Findings: c.findings}
	o.Answers[Static] = c.said
	return o
}
