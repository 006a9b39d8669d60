// Package clusters provides real clusters for targets, and says whether a cluster is what a target says.
//
// A target such as "1.29/{1.29,1.28}" goes in. NewPlan turns it into the text of a kind configuration: which nodes, which
// image on each, which gates for all components or for one kubelet. Provider makes clusters of plans through the library
// of kind, several side by side, and takes away what an interrupt or a failure leaves. Existing stands for a cluster that
// somebody else made. What a process leaves that was killed, another one takes away with Reap and ReapNamespace.
//
// Nothing is believed. Verify asks the API server and every kubelet for its version and its feature gates, and returns what it
// saw, with the evidence, and every difference from the target. What may not be asked is unknown, and the permission that is
// missing is named.
//
// The package refuses to touch clusters that it has not made: Provider lists and deletes only those whose label file it
// finds in its directory. It refuses to take a cluster for a target that it is not: there is no option to go on all the same.
//
// Read matrix.yaml and images.yaml first, then plan.go and verify.go. The tests print a plan for each entry of the matrix
// in testdata.
package clusters
