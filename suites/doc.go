// Package suites runs the conformance of the simulator as Ginkgo specs: one for each scenario on each target, with labels to choose
// by and Ginkgo's own reports.
//
//	go test ./suites                                                      # against the scenarios' expectations and the recordings
//	go test ./suites -ginkgo.label-filter 'family:termination && profile:core'
//	go test ./suites -timeout 2h -suites.against kind -suites.target 1.29 -ginkgo.timeout 2h -ginkgo.junit-report report.xml
//	go test ./suites -suites.against oracle -suites.report markdown=report.md
//
// The labels are family:, profile:, release: (the node's, such as release:1.29), gates:on or gates:off (native sidecars on the node)
// and source:. A live target is played once, before its first spec, by all scenarios that the label filter chooses; each spec then has
// its own outcome. The specs themselves are in the tests of this package; what they run is in package runner, which the program uses too.
//
// The package refuses to hide anything: an inconclusive outcome fails unless -suites.allow-inconclusive is given, and what was not
// judged is skipped with its reason.
package suites
