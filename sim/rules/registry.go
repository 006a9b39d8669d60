package rules

import "strings"

// Group is the first part of a rule's ID.
type Group string

// The groups.
const (
	ORD Group = "ORD"
	GAT Group = "GAT"
	JOB Group = "JOB"
	RST Group = "RST"
	TRM Group = "TRM"
	STA Group = "STA"
	RES Group = "RES"
	CMP Group = "CMP"
)

// Title says what the rules of a group are about.
func (g Group) Title() string {
	switch g {
	case ORD:
		return "startup order"
	case GAT:
		return "start gates and probes"
	case JOB:
		return "completion"
	case RST:
		return "restart"
	case TRM:
		return "termination order and grace"
	case STA:
		return "status and readiness"
	case RES:
		return "resources"
	case CMP:
		return "compatibility and skew"
	}
	return string(g)
}

// Rule is one check of the catalogue.
type Rule struct {
	// ID never changes its meaning: ORD001.
	ID    string
	Group Group
	Title string
	// Severity is that of a failure. A warning has one level less, or the same where the rule knows nothing worse (OnlyWarns).
	Severity  Severity
	OnlyWarns bool
	// Core says that the rule belongs to the core of profile workload; the others are extended.
	Core bool
	// Invariant says that no Pod breaks the rule on a release that was read: only a defective cluster does.
	Invariant bool
	// NotPods says that the rule judges something else: a program, a definition, a policy.
	NotPods bool
	// What says what is looked at and when it fails, Why what happens otherwise, Remedy what to change.
	What, Why, Remedy string
	// Evidence are the reports that the rule comes from, as owner/repository#number, or the name of an enhancement.
	Evidence []string

	static, simulate func(*checking)
}

// Engines are those that decide the rule.
func (r *Rule) Engines() []Engine {
	var list []Engine
	if r.static != nil {
		list = append(list, Static)
	}
	if r.simulate != nil {
		list = append(list, Simulate)
	}
	return list
}

// groups are the rules, group by group, in the order in which they are shown.
var groups = [...][]Rule{ordRules, gatRules, jobRules, rstRules, trmRules, staRules, resRules, cmpRules}

// All returns every rule.
func All() []*Rule {
	var all []*Rule
	for _, group := range groups {
		for i := range group {
			all = append(all, &group[i])
		}
	}
	return all
}

// Find returns the rule with the ID, whatever its case.
func Find(id string) (*Rule, bool) {
	for _, group := range groups {
		for i := range group {
			if strings.EqualFold(group[i].ID, id) {
				return &group[i], true
			}
		}
	}
	return nil, false
}
