// Package runner verifies the simulator: it plans cases, a scenario on a target each, has each judged, and returns a
// [report.Report].
//
// There is one function for each source of what is held against the simulator. [Simulate] takes the expectations of the
// scenarios, [Judge] the recordings of clusters, [JudgeOracle] those of the real kubelets in virtual time, and [Live] clusters:
// it opens or makes each, has it verified, plays, records, judges, and takes away what it made.
//
// Judging takes the processor, so that many cases are judged at once; the report is the same whatever ends first. When the context
// ends, what there is is returned: cases that were not done say so, and none of an interrupted recording conforms.
//
// The package refuses to play on a cluster that is not what its target says, and to leave a case out of the report. It knows no
// test framework: package suites and the program use it alike.
//
// Read plan.go first, then judge.go and live.go.
package runner
