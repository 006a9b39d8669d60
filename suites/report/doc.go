// Package report holds what a conformance run found, and writes it for people and for programs.
//
// A [Report] says where its outcomes come from, what was measured of each target, and one [Outcome] for each scenario on each
// target. [Report.Write] renders it: text for a terminal, Markdown for a page, JSON that [ReadJSON] reads back, and JUnit for
// machines that run tests. The same report gives the same bytes.
//
// Nothing is hidden. What was left out, what is known to diverge and what has nothing to show on a target is an outcome with its
// reason, and is counted apart; a count of what conforms is worth nothing without the others.
//
// The package refuses to run or to judge anything: package runner does. It knows no clusters and no test framework.
//
// Read outcome.go first, then report.go; there is one file for each rendering.
package report
