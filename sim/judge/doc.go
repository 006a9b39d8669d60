// Package judge says whether an observed trace is one of those that the simulator allows.
//
// Exact compares with an observation to which nothing was unknown: the real kubelet in virtual time. Equal means equal in
// kind, order, time and every version of the status. Where the real kubelet is free (which of two timers of one instant
// comes first, the map order of kills), the simulator has a choice point; the search goes through the choices near the first
// difference, and what is found is said: conforms, and under which choices.
//
// The package refuses to widen a tolerance in order to agree, and to read files: traces come in, verdicts go out.
package judge
