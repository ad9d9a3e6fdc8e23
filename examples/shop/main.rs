//! A shop that takes orders all the time: the application of the demo. It writes as fast as it is told to, counts what
//! succeeded and what did not, and serves that to Prometheus.
//!
//!     cargo run --example shop -- 127.0.0.1:8000 postgres://user:password@host/orders

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

/// How long it rests between two orders.
const REST: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Shop {
    taken: AtomicU64,
    failed: AtomicU64,
    /// The last order failed.
    ill: AtomicU64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(database)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: shop HOST:PORT postgres://…");
    };
    // Only the first call can install one, and nobody called before.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let shop = Arc::new(Shop::default());
    tokio::spawn(take_orders(Arc::clone(&shop), database));
    let router = Router::new().route("/metrics", get(metrics)).route("/healthz", get(healthz)).with_state(shop);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// Takes one order after the other, as soon as there is a table to write them to.
async fn take_orders(shop: Arc<Shop>, database: String) {
    loop {
        if let Ok(mut connection) = PgConnection::connect(&database).await {
            while let Ok(taken) = order(&mut connection).await {
                match taken {
                    Some(true) => shop.taken.fetch_add(1, Ordering::Relaxed),
                    Some(false) => shop.failed.fetch_add(1, Ordering::Relaxed),
                    None => 0,
                };
                shop.ill.store(u64::from(taken == Some(false)), Ordering::Relaxed);
                tokio::time::sleep(REST).await;
            }
        }
        tokio::time::sleep(REST * 10).await;
    }
}

/// One order: whether it was taken; `None` while there are no customers. An error: the connection is gone.
async fn order(connection: &mut PgConnection) -> Result<Option<bool>, sqlx::Error> {
    let open: Option<i64> = match sqlx::query_scalar("select min(id) from customers").fetch_one(&mut *connection).await
    {
        Ok(open) => open,
        Err(sqlx::Error::Database(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(customer) = open else { return Ok(None) };
    let written = sqlx::query("insert into orders (customer_id, cents) values ($1, 500)").bind(customer);
    match written.execute(connection).await {
        Ok(_) => Ok(Some(true)),
        Err(sqlx::Error::Database(_)) => Ok(Some(false)),
        Err(error) => Err(error),
    }
}

async fn metrics(State(shop): State<Arc<Shop>>) -> String {
    format!(
        "# HELP shop_orders_total Orders, by result.\n# TYPE shop_orders_total counter\n\
         shop_orders_total{{result=\"taken\"}} {}\nshop_orders_total{{result=\"failed\"}} {}\n",
        shop.taken.load(Ordering::Relaxed),
        shop.failed.load(Ordering::Relaxed)
    )
}

async fn healthz(State(shop): State<Arc<Shop>>) -> (StatusCode, &'static str) {
    if shop.ill.load(Ordering::Relaxed) == 0 {
        (StatusCode::OK, "well\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "orders fail\n")
    }
}
