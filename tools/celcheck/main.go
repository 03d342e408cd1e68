// Celcheck compiles every CEL expression of admission policies and CRDs as a Kubernetes API server of an older version
// would when they are created there.
//
//	celcheck -server 1.30 FILE...
//
// A server takes new expressions only where the version before it could compile them, so that it can be rolled back:
// for 1.30 that is the environment of 1.29. Each complaint is one line on standard output; the exit code is then 1.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/util/compatibility"
	basecompatibility "k8s.io/component-base/compatibility"
	"sigs.k8s.io/yaml"
)

func main() {
	server := flag.String("server", "", "the version of the API server, such as 1.30")
	flag.Parse()
	target, err := version.ParseGeneric(*server)
	if err != nil || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: celcheck -server 1.30 FILE...")
		os.Exit(2)
	}
	// CRD validation asks the registry of this process for the version to compile for.
	registered := compatibility.DefaultComponentGlobalsRegistry.EffectiveVersionFor(basecompatibility.DefaultKubeComponent)
	registered.(basecompatibility.MutableEffectiveVersion).SetMinCompatibilityVersion(target.SubtractMinor(1))

	var count, complaints int
	for _, file := range flag.Args() {
		found, compiled, err := check(file)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			os.Exit(2)
		}
		for _, complaint := range found {
			fmt.Printf("%s: %s\n", file, complaint)
		}
		count, complaints = count+compiled, complaints+len(found)
	}
	fmt.Fprintf(os.Stderr, "%d objects compiled for %s, %d complaints\n", count, target, complaints)
	if complaints > 0 {
		os.Exit(1)
	}
}

// check compiles the objects of a YAML file; what is neither policy nor CRD is passed over.
func check(file string) (complaints []string, compiled int, err error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	defer opened.Close()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(opened))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return complaints, compiled, nil
		}
		if err != nil {
			return nil, 0, err
		}
		var head metav1.TypeMeta
		if err := yaml.Unmarshal(document, &head); err != nil {
			return nil, 0, err
		}
		var found []string
		switch head.Kind {
		case "ValidatingAdmissionPolicy":
			found, err = checkPolicy(document)
		case "CustomResourceDefinition":
			found, err = checkCRD(document)
		default:
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		compiled++
		complaints = append(complaints, found...)
	}
}

func checkPolicy(document []byte) ([]string, error) {
	var policy admissionregistrationv1.ValidatingAdmissionPolicy
	if err := yaml.UnmarshalStrict(document, &policy); err != nil {
		return nil, err
	}
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	judging := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	telling := cel.OptionalVariableDeclarations{}
	var complaints []string
	note := func(where string, result cel.CompilationResult) {
		if result.Error != nil {
			complaints = append(complaints, fmt.Sprintf("%s: %s: %s", policy.Name, where, result.Error.Detail))
		}
	}
	for _, variable := range policy.Spec.Variables {
		named := &validating.Variable{Name: variable.Name, Expression: variable.Expression}
		note("variable "+variable.Name, compiler.CompileAndStoreVariable(named, judging, environment.NewExpressions))
	}
	for index, condition := range policy.Spec.MatchConditions {
		accessor := &validating.ValidationCondition{Expression: condition.Expression}
		note(fmt.Sprintf("match condition %d", index), compiler.CompileCELExpression(accessor, judging, environment.NewExpressions))
	}
	for index, validation := range policy.Spec.Validations {
		accessor := &validating.ValidationCondition{Expression: validation.Expression}
		note(fmt.Sprintf("validation %d", index), compiler.CompileCELExpression(accessor, judging, environment.NewExpressions))
		if validation.MessageExpression != "" {
			message := &validating.MessageExpressionCondition{MessageExpression: validation.MessageExpression}
			note(fmt.Sprintf("message %d", index), compiler.CompileCELExpression(message, telling, environment.NewExpressions))
		}
	}
	for _, annotation := range policy.Spec.AuditAnnotations {
		accessor := &validating.AuditAnnotationCondition{Key: annotation.Key, ValueExpression: annotation.ValueExpression}
		note("audit annotation "+annotation.Key, compiler.CompileCELExpression(accessor, judging, environment.NewExpressions))
	}
	return complaints, nil
}

// checkCRD validates the whole CRD, the costs of its rules included.
func checkCRD(document []byte) ([]string, error) {
	var stored apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(document, &stored); err != nil {
		return nil, err
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&stored)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&stored.Spec)
	for _, served := range stored.Spec.Versions {
		if served.Storage {
			stored.Status.StoredVersions = append(stored.Status.StoredVersions, served.Name)
		}
	}
	var internal apiextensions.CustomResourceDefinition
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&stored, &internal, nil); err != nil {
		return nil, err
	}
	var complaints []string
	for _, problem := range crdvalidation.ValidateCustomResourceDefinition(context.Background(), &internal) {
		complaints = append(complaints, fmt.Sprintf("%s: %s", stored.Name, problem))
	}
	return complaints, nil
}
