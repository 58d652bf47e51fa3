//! The parts of the OpenAPI document that every operation shares, added in one place.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, Required, Response};
use utoipa::{PartialSchema, ToSchema};

use crate::Problem;
use crate::validation::FieldError;

const BEARER: &str = "bearer";

/// Answers any operation may give, with what they mean.
const ALWAYS: &[(&str, &str)] = &[
    ("400", "Not JSON, or of the wrong shape"),
    ("401", "No token, or not a good one"),
    ("403", "Not permitted"),
    ("429", "Too many requests; see `Retry-After`"),
    ("500", "A fault of ours; the reference helps to find it"),
    ("503", "Something needed is away; see `Retry-After`"),
    ("504", "It took too long"),
];
/// Further ones of operations on one resource.
const WITH_PATH: &[(&str, &str)] = &[("404", "There is no such thing")];
/// Further ones of operations that change something.
const WITH_CHANGE: &[(&str, &str)] = &[
    ("404", "There is no such thing"),
    ("409", "In conflict with the present state"),
    ("412", "`If-Match` names another version than the present one"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
];

/// Adds the problem answers, the tag and the bearer scheme to a service's document.
pub fn with_problems(mut api: OpenApi, service: &str) -> OpenApi {
    for (path, item) in &mut api.paths.paths {
        // What can be patched has versions.
        if item.patch.is_some() {
            for operation in [&mut item.patch, &mut item.delete].into_iter().flatten() {
                operation.parameters.get_or_insert_default().push(if_match());
            }
        }
        let changing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in changing.into_iter().flatten() {
            describe(operation, service);
            add_problems(operation, WITH_CHANGE);
        }
        if let Some(operation) = &mut item.get {
            describe(operation, service);
            if path.contains('{') {
                add_problems(operation, WITH_PATH);
            }
        }
    }
    let components = api.components.get_or_insert_with(Components::new);
    let mut referenced = vec![];
    Problem::schemas(&mut referenced);
    referenced.push((Problem::name().into(), Problem::schema()));
    referenced.push((FieldError::name().into(), FieldError::schema()));
    components.schemas.extend(referenced);
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.security_schemes.insert(BEARER.into(), scheme.into());
    api
}

fn if_match() -> RefOr<Parameter> {
    let parameter = ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of the version that the change is based on"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    RefOr::T(parameter.build())
}

fn describe(operation: &mut Operation, service: &str) {
    operation.tags = Some(vec![service.to_owned()]);
    operation.security = Some(vec![
        SecurityRequirement::new(BEARER, Vec::<String>::new()),
        SecurityRequirement::default(),
    ]);
    add_problems(operation, ALWAYS);
    let takes_values = operation.request_body.is_some() || operation.parameters.is_some();
    if takes_values {
        add_problems(operation, &[("422", "Values out of range; see `errors`")]);
    }
}

fn add_problems(operation: &mut Operation, problems: &[(&str, &str)]) {
    for (status, meaning) in problems {
        let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
        let mut response = Response::new(*meaning);
        response.content.insert("application/problem+json".into(), content.into());
        let responses = &mut operation.responses.responses;
        responses.entry((*status).to_owned()).or_insert(RefOr::T(response));
    }
}
