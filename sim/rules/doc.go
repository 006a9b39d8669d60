// Package rules judges Pods that use sidecars: which of the checks of the project's catalogue does a Pod pass on a target?
//
// A [Subject] goes in: the Pod as package sim runs it, and beside it what sim does not need and checks do (ports, commands,
// resources, the Job around it). [Judge] holds it against every [Rule] and returns one [Outcome] for each. Two engines decide: the
// static one looks at the Pod alone, the simulating one runs it, several times if need be: as it is, deleted, with a gate that never
// opens, with a sidecar that ends. The worse answer of the two is the rule's.
//
// A rule never passes because something was not known. If how long a process takes to stop was not said, what depends on it is
// unknown, and so is what depends on a field that the model does not have; each with its reason. A rule that has nothing to look
// at in the Pod is skipped.
//
// [JudgeTrace] holds a trace, predicted or observed, against the rules that every trace must keep.
//
// The package refuses to read files, clusters or clocks, and does not know where a field is written: a finding has a [Pointer],
// which package fixtures turns into file and line. Suppressions are applied by whoever knows the date.
//
// Read subject.go for what goes in, verdict.go for what comes out, registry.go for the list of rules. There is one file for each
// group of rules: its head has the texts, what follows the functions.
package rules
