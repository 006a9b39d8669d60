package clusters

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// Needs say which permissions are needed.
type Needs struct {
	// Namespace is one that is there already; empty where namespaces are made for each run. With ReadOnly it is one whose Pods are
	// watched.
	Namespace string
	// Subject is who is given them, as User:NAME, Group:NAME or ServiceAccount:NAMESPACE/NAME.
	Subject string
	// ReadOnly leaves out what only running scenarios needs: then it is what doctor needs, and in Namespace what watching a Pod of
	// somebody else's needs.
	ReadOnly bool
}

// looking is what Look asks for.
var looking = []rbacv1.PolicyRule{
	{Verbs: []string{"get"}, NonResourceURLs: []string{"/version", "/metrics"}},
	{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{""}, Resources: []string{"nodes"}},
	{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes/proxy"}},
}

// running is what it takes to run a scenario in a namespace: Pods and Jobs, what their containers need, and all that is
// watched.
var running = []rbacv1.PolicyRule{
	{Verbs: []string{"create", "delete", "get", "list", "patch", "watch"}, APIGroups: []string{""}, Resources: []string{"pods", "configmaps"}},
	{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods/log"}},
	{Verbs: []string{"create", "get"}, APIGroups: []string{""}, Resources: []string{"pods/exec"}},
	{Verbs: []string{"create"}, APIGroups: []string{""}, Resources: []string{"pods/eviction"}},
	{Verbs: []string{"patch", "update"}, APIGroups: []string{""}, Resources: []string{"pods/ephemeralcontainers", "pods/resize"}},
	{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{""}, Resources: []string{"events", "serviceaccounts"}},
	{Verbs: []string{"create", "delete", "get", "list", "patch", "watch"}, APIGroups: []string{"batch"}, Resources: []string{"jobs"}},
}

// watching is what it takes to watch a Pod.
var watching = []rbacv1.PolicyRule{
	{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{""}, Resources: []string{"pods", "events"}},
}

// namespacing is what making namespaces takes.
var namespacing = rbacv1.PolicyRule{Verbs: []string{"create", "delete", "get", "list"}, APIGroups: []string{""}, Resources: []string{"namespaces"}}

// clusterRules and namespaceRules divide what is needed.
func (n Needs) clusterRules() []rbacv1.PolicyRule {
	rules := slices.Clone(looking)
	if n.ReadOnly || n.Namespace != "" {
		return rules
	}
	return append(append(rules, namespacing), running...)
}

func (n Needs) namespaceRules() []rbacv1.PolicyRule {
	switch {
	case n.Namespace == "":
		return nil
	case n.ReadOnly:
		return watching
	}
	return running
}

// need is one permission, and the namespace that it is asked for.
type need struct {
	Permission
	group, namespace string
}

func (n Needs) permissions() []need {
	var needs []need
	add := func(rules []rbacv1.PolicyRule, namespace string) {
		for _, rule := range rules {
			for _, verb := range rule.Verbs {
				for _, path := range rule.NonResourceURLs {
					needs = append(needs, need{Permission: Permission{Verb: verb, NonResourceURL: path}})
				}
				for _, resource := range rule.Resources {
					needs = append(needs, need{Permission{Verb: verb, Resource: resource}, rule.APIGroups[0], namespace})
				}
			}
		}
	}
	add(n.clusterRules(), "")
	add(n.namespaceRules(), n.Namespace)
	return needs
}

func (n need) review() authorizationv1.SelfSubjectAccessReviewSpec {
	if n.NonResourceURL != "" {
		return authorizationv1.SelfSubjectAccessReviewSpec{
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: n.NonResourceURL, Verb: n.Verb}}
	}
	resource, sub, _ := strings.Cut(n.Resource, "/")
	return authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
		Namespace: n.namespace, Verb: n.Verb, Group: n.group, Resource: resource, Subresource: sub}}
}

// RBAC returns the roles and their bindings as YAML, to read and to apply.
func RBAC(n Needs) (string, error) {
	subject, err := parseSubject(n.Subject)
	if err != nil {
		return "", err
	}
	var w configWriter
	w.line(0, "# What a cluster is: its version, its nodes, and the feature gates of API server and kubelets.")
	if !n.ReadOnly && n.Namespace == "" {
		w.line(0, "# And what running scenarios takes, in namespaces that are made for each run.")
	}
	role(&w, "ClusterRole", "", n.clusterRules(), subject)
	if rules := n.namespaceRules(); rules != nil {
		w.line(0, "---")
		if n.ReadOnly {
			w.line(0, "# And what watching a Pod takes, in one namespace.")
		} else {
			w.line(0, "# What running scenarios takes, in one namespace.")
		}
		role(&w, "Role", n.Namespace, rules, subject)
	}
	return w.String(), nil
}

func role(w *configWriter, kind, namespace string, rules []rbacv1.PolicyRule, subject rbacv1.Subject) {
	meta := "metadata: {name: " + ManagedBy + "}"
	if namespace != "" {
		meta = fmt.Sprintf("metadata: {name: %s, namespace: %s}", ManagedBy, namespace)
	}
	w.line(0, "apiVersion: rbac.authorization.k8s.io/v1")
	w.line(0, "kind: %s", kind)
	w.line(0, "%s", meta)
	w.line(0, "rules:")
	for _, r := range rules {
		if len(r.NonResourceURLs) > 0 {
			w.line(0, "- {verbs: %s, nonResourceURLs: %s}", flow(r.Verbs), flow(r.NonResourceURLs))
			continue
		}
		w.line(0, "- {verbs: %s, apiGroups: %s, resources: %s}", flow(r.Verbs), flow(r.APIGroups), flow(r.Resources))
	}
	w.line(0, "---")
	w.line(0, "apiVersion: rbac.authorization.k8s.io/v1")
	w.line(0, "kind: %sBinding", kind)
	w.line(0, "%s", meta)
	w.line(0, "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: %s}", kind, ManagedBy)
	w.line(0, "subjects:")
	if subject.Kind == rbacv1.ServiceAccountKind {
		w.line(0, "- {kind: %s, name: %q, namespace: %q}", subject.Kind, subject.Name, subject.Namespace)
		return
	}
	w.line(0, "- {kind: %s, name: %q, apiGroup: rbac.authorization.k8s.io}", subject.Kind, subject.Name)
}

// flow writes a list of strings as YAML in flow style, which JSON is.
func flow(list []string) string {
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings can be written
	}
	return strings.ReplaceAll(string(text), `","`, `", "`)
}

func parseSubject(text string) (rbacv1.Subject, error) {
	kind, name, _ := strings.Cut(text, ":")
	s := rbacv1.Subject{Kind: kind, Name: name}
	switch {
	case name == "":
	case kind == rbacv1.UserKind || kind == rbacv1.GroupKind:
		return s, nil
	case kind == rbacv1.ServiceAccountKind:
		namespace, account, found := strings.Cut(name, "/")
		if found && namespace != "" && account != "" {
			s.Name, s.Namespace = account, namespace
			return s, nil
		}
	}
	return rbacv1.Subject{}, fmt.Errorf("subject %q: want User:NAME, Group:NAME or ServiceAccount:NAMESPACE/NAME", text)
}
