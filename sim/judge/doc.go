// Package judge says whether something observed is one of the runs that the simulator allows.
//
// [Exact] compares with an observation to which nothing was unknown: the real kubelet in virtual time. Equal means equal in
// kind, order, time and every version of the status. Where the real kubelet is free (which of two timers of one instant
// comes first, the map order of kills), the simulator has a choice point; the search goes through the choices near the first
// difference, and what is found is said: conforms, and under which choices.
//
// [Judge] judges an [Observation] of a real cluster, where each thing was seen by some source in some interval, and much was not seen.
// It goes through stages, and claims nothing once one fails:
//
//   - assumptions: the cluster is what the target says, the recording is complete, nobody else had a hand in it, the node kept up;
//   - runs: the same runs of the same containers, by the runtime's attempts, with the same exit codes;
//   - order: nothing came before what it needs. Two events are out of order only if their intervals are disjoint;
//   - windows: each event came as long after its causes as the mechanism allows. The delays count from when the causes were observed; a
//     cause that nobody can see is passed through to those behind it. What a node adds is stated, never guessed: the slack of the
//     observation, and [How] long a call of the runtime may take;
//   - status: the versions come in the predicted sequence, down to the final one. Their times are not compared.
//
// Several runs may be legal. Judge replays: it feeds what was observed into the simulator (sim.Guide), and searches what is left open:
// where the tickers lie, as far as it can make a difference to what was seen, and the free choices. Conforms means that one run passes
// all stages. Diverges means that none does; a difference in the status alone that a relist a little later would explain, or of which
// each step is legal by itself, is inconclusive, and so is a search that met its bound with variations left near the first difference.
//
// The package refuses to widen a tolerance in order to agree, and to read files: what was observed comes in, verdicts go out.
package judge
